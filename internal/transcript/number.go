package transcript

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Seconds is a time or a duration. JSON has it to the millisecond.
type Seconds float64

// MarshalJSON rounds to three decimals. A value that is not finite is an error.
func (s Seconds) MarshalJSON() ([]byte, error) { return rounded(float64(s), 1e3) }

func milliseconds(ms int) Seconds { return Seconds(float64(ms) / 1000) }

// LogProb is the natural logarithm of a probability. JSON has it to four decimals.
type LogProb float64

// MarshalJSON rounds to four decimals. A value that is not finite is an error.
func (p LogProb) MarshalJSON() ([]byte, error) { return rounded(float64(p), 1e4) }

// Ratio is a quotient of two times. JSON has it to four decimals.
type Ratio float64

// MarshalJSON rounds to four decimals. A value that is not finite is an error.
func (r Ratio) MarshalJSON() ([]byte, error) { return rounded(float64(r), 1e4) }

// rounded writes x in steps of 1/scale, in plain decimal digits.
func rounded(x, scale float64) ([]byte, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, fmt.Errorf("%v is not a JSON number", x)
	}
	x = math.Round(x*scale)/scale + 0 // + 0 makes 0 of -0
	return strconv.AppendFloat(nil, x, 'f', -1, 64), nil
}

// Timing tells where the time of a recognition went.
type Timing struct {
	Audio   Seconds `json:"audio_s"`   // the recording's duration
	Load    Seconds `json:"load_s"`    // reading and decoding the recording
	Feature Seconds `json:"feature_s"` // finding the speech and computing its features
	Encode  Seconds `json:"encode_s"`  // the network
	Total   Seconds `json:"total_s"`   // from the request to the result, by the clock
	RTF     Ratio   `json:"rtf"`       // the real-time factor: Total / Audio, 0 without audio
}

// NewTiming fills in a Timing. RTF follows from the other values.
func NewTiming(audio, load, feature, encode, total time.Duration) Timing {
	t := Timing{
		Audio:   Seconds(audio.Seconds()),
		Load:    Seconds(load.Seconds()),
		Feature: Seconds(feature.Seconds()),
		Encode:  Seconds(encode.Seconds()),
		Total:   Seconds(total.Seconds()),
	}
	if audio > 0 {
		t.RTF = Ratio(total.Seconds() / audio.Seconds())
	}
	return t
}
