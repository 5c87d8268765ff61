// Package vad finds the stretches of a recording in which somebody speaks: FSMN-VAD, whole recordings and
// streams alike.
//
// Every 10 ms a small network gives the probability of silence ([Model], one for all streams), and a state machine
// makes segments of them ([Detector], one for each stream). A whole recording is a stream written at once, and each
// row's probability depends on the samples alone, not on how they were cut: any chunks give the same
// segments, bit for bit.
//
// Times are milliseconds from the beginning of the recording, multiples of 10.
//
// The network is that of FunASR's funasr/models/fsmn_vad_streaming/encoder.py, and the state machine answers as
// FsmnVADStreaming of model.py beside it does, in its mode for many utterances. What that class computes but never
// lets decide anything at its defaults is left out: the signal-to-noise ratio and the frame prior.
package vad
