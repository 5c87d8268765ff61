package vad

import (
	"errors"
	"fmt"
)

// Options are the settings of the detection, under FunASR's names. Times are in milliseconds and count in
// whole frames of 10 ms, rounded down.
type Options struct {
	// MaxSingleSegmentTime cuts a segment that grows longer; the next one begins where it was cut. The frame
	// that finds a segment too long still belongs to it, so segments last up to 10 ms more.
	// Default 30000, as FunASR's recipes for SenseVoice set it; the bare model's is 60000.
	MaxSingleSegmentTime int `json:"max_single_segment_time"`
	// MaxEndSilenceTime is the silence that ends a segment. Default 800.
	MaxEndSilenceTime int `json:"max_end_silence_time"`
	// SilenceSchedule, if not empty, gives the silence in place of MaxEndSilenceTime, by the length that the
	// segment has reached. Default none; see [GrowingSegments].
	SilenceSchedule []SilenceStep `json:"silence_schedule,omitempty"`
	// HoldEnd lets a segment go on beyond that silence while the window holds any speech, for twice its length at most: a word
	// that has begun is not lost to the end of the one before. Default false, which is FunASR's way.
	HoldEnd bool `json:"hold_end,omitempty"`

	// SpeechNoiseThres is how much likelier than silence speech must be for a frame to count as speech:
	// 1-p ≥ p + SpeechNoiseThres, p the probability of silence. -1 to 1, default 0.6.
	SpeechNoiseThres float64 `json:"speech_noise_thres"`
	// DecibelThres is the level below which a frame is silence whatever the network says: ten times the
	// decimal logarithm of the sum of its 400 squared samples, at least -60. Default -100: never.
	DecibelThres float64 `json:"decibel_thres"`

	// WindowSize is the length of the sliding window over which frames of speech are counted. Default 200.
	WindowSize int `json:"window_size_ms"`
	// SilToSpeechTimeThres is the speech in the window that turns it from silence to speech. Default 150.
	SilToSpeechTimeThres int `json:"sil_to_speech_time_thres"`
	// SpeechToSilTimeThres is the speech in the window at which (or below) it turns back to silence. It counts
	// towards the silence that ends a segment. Default 150.
	SpeechToSilTimeThres int `json:"speech_to_sil_time_thres"`
	// LookbackTimeStartPoint is how much earlier than the window a segment begins. Default 200.
	LookbackTimeStartPoint int `json:"lookback_time_start_point"`
	// LookaheadTimeEndPoint is how much of the silence after the speech belongs to the segment. Default 100.
	LookaheadTimeEndPoint int `json:"lookahead_time_end_point"`
}

// SilenceStep is one line of a silence schedule: a segment longer than After ends at a silence of
// MaxEndSilenceTime, both in milliseconds.
type SilenceStep struct {
	After             int `json:"after"`
	MaxEndSilenceTime int `json:"max_end_silence_time"`
}

// DefaultOptions returns the default of every setting.
func DefaultOptions() Options {
	return Options{
		MaxSingleSegmentTime:   30000,
		MaxEndSilenceTime:      800,
		SpeechNoiseThres:       0.6,
		DecibelThres:           -100,
		WindowSize:             200,
		SilToSpeechTimeThres:   150,
		SpeechToSilTimeThres:   150,
		LookbackTimeStartPoint: 200,
		LookaheadTimeEndPoint:  100,
	}
}

// GrowingSegments returns FunASR's schedule for live speech, which waits long while a sentence is short and
// takes the next chance to cut as it grows. FunASR sets SpeechNoiseThres to 0.5 along with it, and counts
// the length in chunks as they come; here it is counted in frames, so that chunks do not matter.
func GrowingSegments() []SilenceStep {
	return []SilenceStep{{0, 2000}, {5000, 1500}, {10000, 1000}, {15000, 800}, {30000, 400}, {45000, 100}}
}

const (
	longestTime   = 24 * 3600 * 1000 // ms; beyond it, a setting is surely a mistake
	longestWindow = 10 * 1000        // ms
	maxSteps      = 64
)

// Validate says which setting is impossible, what it may be, and what its default is.
func (o Options) Validate() error {
	defaults := DefaultOptions()
	for _, s := range []struct {
		name                       string
		value, low, high, standard int
	}{
		{"window_size_ms", o.WindowSize, frameTime, longestWindow, defaults.WindowSize},
		{"sil_to_speech_time_thres", o.SilToSpeechTimeThres, frameTime, o.WindowSize, defaults.SilToSpeechTimeThres},
		{"speech_to_sil_time_thres", o.SpeechToSilTimeThres, 0, o.WindowSize - frameTime, defaults.SpeechToSilTimeThres},
		{"lookback_time_start_point", o.LookbackTimeStartPoint, 0, longestWindow, defaults.LookbackTimeStartPoint},
		{"lookahead_time_end_point", o.LookaheadTimeEndPoint, 0, longestWindow, defaults.LookaheadTimeEndPoint},
		// A segment may be as long as this at the moment it is found.
		{"max_single_segment_time", o.MaxSingleSegmentTime, o.WindowSize + o.LookbackTimeStartPoint + frameTime, longestTime, defaults.MaxSingleSegmentTime},
		{"max_end_silence_time", o.MaxEndSilenceTime, 0, longestTime, defaults.MaxEndSilenceTime},
	} {
		if s.value < s.low || s.value > s.high {
			return fmt.Errorf("%s is %d ms: must be %d to %d (default %d)", s.name, s.value, s.low, s.high, s.standard)
		}
	}
	if !(o.SpeechNoiseThres >= -1 && o.SpeechNoiseThres <= 1) {
		return fmt.Errorf("speech_noise_thres is %v: must be -1 to 1 (default %v)", o.SpeechNoiseThres, defaults.SpeechNoiseThres)
	}
	if !(o.DecibelThres >= -1000 && o.DecibelThres <= 1000) {
		return fmt.Errorf("decibel_thres is %v: must be -1000 to 1000 dB (default %v)", o.DecibelThres, defaults.DecibelThres)
	}
	return checkSchedule(o.SilenceSchedule)
}

func checkSchedule(steps []SilenceStep) error {
	if len(steps) > maxSteps {
		return fmt.Errorf("silence_schedule has %d steps: at most %d are supported", len(steps), maxSteps)
	}
	if len(steps) > 0 && steps[0].After != 0 {
		return errors.New("silence_schedule: the first step must be after 0 ms, so that every length has a silence")
	}
	for i, s := range steps {
		if i > 0 && s.After <= steps[i-1].After {
			return fmt.Errorf("silence_schedule: step %d is after %d ms, and the one before it after %d ms: must grow", i+1, s.After, steps[i-1].After)
		}
		if s.After > longestTime || s.MaxEndSilenceTime < 0 || s.MaxEndSilenceTime > longestTime {
			return fmt.Errorf("silence_schedule: step %d is a silence of %d ms after %d ms: must be 0 to %d", i+1, s.MaxEndSilenceTime, s.After, longestTime)
		}
	}
	return nil
}
