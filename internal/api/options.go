package api

import (
	"math"
	"strings"
	"time"

	"sensevoice/internal/audio/decode"
	"sensevoice/internal/transcribe"
	"sensevoice/internal/vad"
)

// Options are what a request may choose about a recording.
type Options struct {
	transcribe.PipelineOptions

	// Whole lets a recording of at most transcribe.LongestSegment be recognised in one piece, as the Python service does with
	// all recordings, and finds speech in longer ones.
	Whole bool

	Lowered []string // fields that asked for more than there is, as "name=value" with what is done instead

	Channels decode.Channels
	Raw      *decode.RawFormat // what headerless samples are; nil: a recording says what it is
}

// EachChannel tells whether every channel of a recording gets a text of its own.
func (o *Options) EachChannel() bool { return o.Channels == decode.Each }

// OptionFields are the fields that [Backend.Options] reads, in each protocol's form beside its own.
var OptionFields = []string{
	"words", "vad", "ban_emo_unk", "channels", "raw",
	"max_single_segment_time", "max_end_silence_time", "speech_noise_thres", "merge_length_s", "merge_vad",
	"batch_size_s", "batch_size_threshold_s",
}

// Options reads the fields that all protocols have. Language and text norm are the protocol's to read.
func (b *Backend) Options(v *Values) Options {
	o := Options{PipelineOptions: transcribe.DefaultPipelineOptions()}
	o.ITN = b.ITN
	o.Words = v.Bool(false, "words")
	o.BanEmotionUnknown = v.Bool(false, "ban_emo_unk")
	o.BatchLength = 30 * time.Second
	switch v.Choice("auto", []string{"auto", "true", "false", "on", "off", "1", "0"}, "vad") {
	case "auto":
		o.Whole = true
	case "false", "off", "0":
		o.VAD = transcribe.VADOff
	}
	o.detection(v)
	o.sound(v)
	for _, name := range []string{"batch_size_s", "batch_size_threshold_s"} { // of FunASR, for its one request at a time: batches are the server's here
		v.Number(0, 0, math.MaxInt32, name)
	}
	return o
}

// detection reads how speech is found. Whoever sets that wants it to be found in short recordings too.
func (o *Options) detection(v *Values) {
	for _, name := range []string{"max_single_segment_time", "max_end_silence_time", "speech_noise_thres"} {
		if text, _ := v.Text(name); text != "" {
			o.Whole = false
		}
	}
	d, defaults := &o.Detection, vad.DefaultOptions()
	longest := float64(transcribe.LongestSegment.Milliseconds())
	d.MaxSingleSegmentTime = int(o.atMost(v, longest, float64(defaults.MaxSingleSegmentTime), 4000, "max_single_segment_time"))
	d.MaxEndSilenceTime = v.Integer(defaults.MaxEndSilenceTime, 0, 60000, "max_end_silence_time")
	d.SpeechNoiseThres = v.Number(defaults.SpeechNoiseThres, -1, 1, "speech_noise_thres")
	limit := float64(d.MaxSingleSegmentTime) / 1000
	merge := o.atMost(v, limit, min(o.MergeLength.Seconds(), limit), 0, "merge_length_s")
	if !v.Bool(true, "merge_vad") {
		merge = 0
	}
	o.MergeLength = time.Duration(merge * float64(time.Second))
}

// atMost reads a length that says how long segments may become. FunASR takes longer ones than there are here, and its clients send its
// default of 60 s as a matter of course: a shorter segment keeps to a longer bound.
func (o *Options) atMost(v *Values, most, byDefault, low float64, name string) float64 {
	const day = 24 * 3600 * 1000 // beyond it, a setting is surely a mistake
	x := v.Number(byDefault, low, day, name)
	if x <= most {
		return x
	}
	o.Lowered = append(o.Lowered, name+"="+number(most))
	return most
}

// sound reads what is heard of a recording.
func (o *Options) sound(v *Values) {
	o.Channels, _ = decode.ParseChannels(v.Choice("mix", []string{"mix", "left", "right", "each"}, "channels"))
	if o.EachChannel() {
		o.Whole = false // who speaks into one of several channels is silent most of the time
	}
	text, name := v.Text("raw")
	if text == "" {
		return
	}
	format, err := decode.ParseRaw(strings.TrimSpace(clip(text)))
	if err != nil {
		v.Fault(name, err.Error())
	}
	o.Raw = format
}
