package vad

import (
	"math"
	"testing"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"defaults", func(*Options) {}, ""},
		{"shortest", func(o *Options) { o.MaxSingleSegmentTime, o.MaxEndSilenceTime = 410, 0 }, ""},
		{"growing", func(o *Options) { o.SilenceSchedule = GrowingSegments() }, ""},
		{"nothing set", func(o *Options) { *o = Options{} }, "window_size_ms is 0 ms: must be 10 to 10000 (default 200)"},
		{"window too long", func(o *Options) { o.WindowSize = 1 << 30 }, "window_size_ms is 1073741824 ms: must be 10 to 10000 (default 200)"},
		{"more speech than window", func(o *Options) { o.SilToSpeechTimeThres = 210 }, "sil_to_speech_time_thres is 210 ms: must be 10 to 200 (default 150)"},
		{"no speech needed", func(o *Options) { o.SilToSpeechTimeThres = 0 }, "sil_to_speech_time_thres is 0 ms: must be 10 to 200 (default 150)"},
		{"never speech", func(o *Options) { o.SpeechToSilTimeThres = 200 }, "speech_to_sil_time_thres is 200 ms: must be 0 to 190 (default 150)"},
		{"negative look-back", func(o *Options) { o.LookbackTimeStartPoint = -1 }, "lookback_time_start_point is -1 ms: must be 0 to 10000 (default 200)"},
		{"negative look-ahead", func(o *Options) { o.LookaheadTimeEndPoint = -1 }, "lookahead_time_end_point is -1 ms: must be 0 to 10000 (default 100)"},
		{"too short a limit", func(o *Options) { o.MaxSingleSegmentTime = 400 }, "max_single_segment_time is 400 ms: must be 410 to 86400000 (default 30000)"},
		{"seconds for ms", func(o *Options) { o.MaxSingleSegmentTime = 30 }, "max_single_segment_time is 30 ms: must be 410 to 86400000 (default 30000)"},
		{"negative silence", func(o *Options) { o.MaxEndSilenceTime = -800 }, "max_end_silence_time is -800 ms: must be 0 to 86400000 (default 800)"},
		{"threshold above 1", func(o *Options) { o.SpeechNoiseThres = 1.5 }, "speech_noise_thres is 1.5: must be -1 to 1 (default 0.6)"},
		{"threshold NaN", func(o *Options) { o.SpeechNoiseThres = math.NaN() }, "speech_noise_thres is NaN: must be -1 to 1 (default 0.6)"},
		{"level infinite", func(o *Options) { o.DecibelThres = math.Inf(-1) }, "decibel_thres is -Inf: must be -1000 to 1000 dB (default -100)"},
		{
			"schedule begins late", func(o *Options) { o.SilenceSchedule = []SilenceStep{{5000, 800}} },
			"silence_schedule: the first step must be after 0 ms, so that every length has a silence",
		},
		{
			"schedule goes back", func(o *Options) { o.SilenceSchedule = []SilenceStep{{0, 800}, {10, 700}, {10, 600}} },
			"silence_schedule: step 3 is after 10 ms, and the one before it after 10 ms: must grow",
		},
		{
			"schedule negative", func(o *Options) { o.SilenceSchedule = []SilenceStep{{0, -1}} },
			"silence_schedule: step 1 is a silence of -1 ms after 0 ms: must be 0 to 86400000",
		},
		{
			"schedule endless", func(o *Options) { o.SilenceSchedule = make([]SilenceStep, 65) },
			"silence_schedule has 65 steps: at most 64 are supported",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := DefaultOptions()
			test.change(&o)
			got := ""
			if err := o.Validate(); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
