// Package sensevoice is the SenseVoice network: its sizes, its weights by their names in the released
// checkpoint, the price of any batch in bytes, and the forward pass over an engine.
//
// The arithmetic follows FunASR (funasr/models/sense_voice/model.py, MIT).
package sensevoice

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sensevoice/internal/engine"
	"sensevoice/internal/weights"
)

// QueryRows is the number of rows put before the features of each segment. Their outputs name language, emotion,
// event and text norm, in this order.
const QueryRows = 4

// Config is the size of a network.
type Config struct {
	Input       int // features of a row
	Width       int // channels of the residual stream
	Heads       int // of the attention; divides Width
	FeedForward int // hidden channels of a block's feed-forward part
	Blocks      int // before after_norm, encoders0 among them
	TPBlocks    int // after it
	Kernel      int // taps of the FSMN memory
	Vocabulary  int // outputs
	Queries     Queries
}

// Queries are the rows of embed.weight that ask the model for something.
type Queries struct {
	Language       map[string]int `json:"language"` // by code: "auto", "zh" ...
	Event, Emotion int
	TextNorm       map[string]int `json:"textnorm"` // "withitn" and "woitn"
}

// releasedQueries are those of SenseVoiceSmall, which its files do not name.
func releasedQueries() Queries {
	return Queries{
		Language: map[string]int{"auto": 0, "zh": 3, "en": 4, "yue": 7, "ja": 11, "ko": 12, "nospeech": 13},
		Event:    1, Emotion: 2,
		TextNorm: map[string]int{"withitn": 14, "woitn": 15},
	}
}

// small and micro are the sizes of the released model and of a five-block one for tests.
var (
	small = Config{Input: 560, Width: 512, Heads: 4, FeedForward: 2048, Blocks: 50, TPBlocks: 20, Kernel: 11, Vocabulary: 25055, Queries: releasedQueries()}
	micro = Config{Input: 560, Width: 64, Heads: 4, FeedForward: 128, Blocks: 3, TPBlocks: 2, Kernel: 11, Vocabulary: 300, Queries: releasedQueries()}
)

// Released returns the size of SenseVoiceSmall.
func Released() Config { return small }

const (
	embedRows = 16 // of embed.weight in the released model
	maxSize   = 1 << 20
	maxBlocks = 1024
)

// Parameters returns the number of weights.
func (c Config) Parameters() int {
	block := func(input int) int {
		attention := (input+1)*3*c.Width + c.Width*c.Kernel + (c.Width+1)*c.Width
		return attention + (c.Width+1)*c.FeedForward + (c.FeedForward+1)*c.Width + 2*input + 2*c.Width
	}
	return embedRows*c.Input + block(c.Input) + (c.Blocks-1+c.TPBlocks)*block(c.Width) + 4*c.Width + (c.Width+1)*c.Vocabulary
}

// configOf reads the sizes off the tensors' shapes, and what shapes do not tell from the metadata.
func configOf(f *weights.File) (Config, error) {
	c := Config{Heads: 4, Queries: releasedQueries()}
	for _, read := range []struct {
		tensor string
		dims   int
		sizes  []*int
	}{
		{"embed.weight", 2, []*int{nil, &c.Input}},
		{"encoder.encoders0.0.self_attn.linear_out.weight", 2, []*int{&c.Width, nil}},
		{"encoder.encoders0.0.feed_forward.w_1.weight", 2, []*int{&c.FeedForward, nil}},
		{"ctc.ctc_lo.weight", 2, []*int{&c.Vocabulary, nil}},
	} {
		t, ok := f.Tensor(read.tensor)
		if !ok {
			return c, fmt.Errorf("%s: no tensor %s: not a SenseVoice model (it has %d tensors%s)", f.Path, read.tensor, len(f.Names()), example(f))
		}
		if len(t.Shape) != read.dims {
			return c, fmt.Errorf("%s: tensor %s: shape %v, want %d dimensions", f.Path, t.Name, t.Shape, read.dims)
		}
		for i, size := range read.sizes {
			if size != nil {
				*size = t.Shape[i]
			}
		}
	}
	c.Blocks = 1 + countBlocks(f, "encoder.encoders.")
	c.TPBlocks = countBlocks(f, "encoder.tp_encoders.")
	if err := c.readKernel(f); err != nil {
		return c, err
	}
	if err := c.readMetadata(f); err != nil {
		return c, fmt.Errorf("%s: metadata: %w", f.Path, err)
	}
	return c, c.check(f.Path)
}

func example(f *weights.File) string {
	if names := f.Names(); len(names) > 0 {
		return fmt.Sprintf(", such as %q", names[0])
	}
	return ""
}

// countBlocks returns one more than the highest number that follows prefix in a tensor's name: a gap is then found as
// a missing tensor, and not taken for the end of a smaller network.
func countBlocks(f *weights.File, prefix string) int {
	count := 0
	for _, name := range f.Names() {
		rest, ok := strings.CutPrefix(name, prefix)
		number, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(number); ok && err == nil {
			count = max(count, min(n, maxBlocks)+1)
		}
	}
	return count
}

// readKernel finds the taps: PyTorch's shape is (channel, 1, kernel), GGUF's (kernel, channel).
func (c *Config) readKernel(f *weights.File) error {
	const name = "encoder.encoders0.0.self_attn.fsmn_block.weight"
	t, ok := f.Tensor(name)
	if !ok {
		return fmt.Errorf("%s: no tensor %s", f.Path, name)
	}
	switch shape := t.Shape; {
	case len(shape) == 3 && shape[0] == c.Width && shape[1] == 1:
		c.Kernel = shape[2]
	case len(shape) == 2 && shape[1] == c.Width:
		c.Kernel = shape[0]
	default:
		return fmt.Errorf("%s: tensor %s: shape %v, want (%d, 1, taps) or (taps, %d)", f.Path, name, shape, c.Width, c.Width)
	}
	return nil
}

func (c *Config) readMetadata(f *weights.File) error {
	heads, given, err := integer(f.Metadata["sv.attention_heads"])
	if err != nil {
		return fmt.Errorf("sv.attention_heads: %w", err)
	}
	if given {
		c.Heads = heads
	}
	for _, size := range []struct {
		key string
		has int
	}{
		{"sv.input_size", c.Input},
		{"sv.output_size", c.Width},
		{"sv.num_blocks", c.Blocks},
		{"sv.tp_blocks", c.TPBlocks},
		{"sv.kernel_size", c.Kernel},
		{"sv.vocab_size", c.Vocabulary},
	} {
		says, given, err := integer(f.Metadata[size.key])
		if err != nil {
			return fmt.Errorf("%s: %w", size.key, err)
		}
		if given && says != size.has {
			return fmt.Errorf("%s is %d, but the tensors have %d", size.key, says, size.has)
		}
	}
	if blank, _, err := integer(f.Metadata["sv.blank_id"]); err != nil || blank != 0 {
		return fmt.Errorf("sv.blank_id is %v: only 0 is supported", f.Metadata["sv.blank_id"])
	}
	return c.readQueries(f.Metadata["sv.query_tokens"])
}

// readQueries takes the JSON object that this project's own files carry. The released GGUF files have an array of
// the same numbers as SenseVoiceSmall's, which are the default.
func (c *Config) readQueries(value any) error {
	text, ok := value.(string)
	if !ok {
		return nil
	}
	c.Queries = Queries{}
	if err := json.Unmarshal([]byte(text), &c.Queries); err != nil {
		return fmt.Errorf("sv.query_tokens: %w", err)
	}
	return nil
}

func (c *Config) check(path string) error {
	for _, s := range []struct {
		name             string
		size, least, top int
	}{
		{"input size", c.Input, 4, maxSize},
		{"width", c.Width, 1, maxSize},
		{"heads", c.Heads, 1, maxSize},
		{"feed-forward size", c.FeedForward, 1, maxSize},
		{"encoder blocks", c.Blocks, 1, maxBlocks},
		{"tp_encoder blocks", c.TPBlocks, 0, maxBlocks},
		{"kernel", c.Kernel, 1, 2*engine.MaxReach + 1},
		{"vocabulary", c.Vocabulary, 1, maxSize},
	} {
		if s.size < s.least || s.size > s.top {
			return fmt.Errorf("%s: %s of %d is out of range: must be from %d to %d", path, s.name, s.size, s.least, s.top)
		}
	}
	if c.Width%c.Heads != 0 {
		return fmt.Errorf("%s: a width of %d does not divide into %d heads", path, c.Width, c.Heads)
	}
	if c.Input%2 != 0 {
		return fmt.Errorf("%s: an input size of %d is odd; positions need sines and cosines in pairs", path, c.Input)
	}
	return nil
}

// check makes sure that each query is a row of embed.weight.
func (q *Queries) check(rows int) error {
	all := slices.Concat(slices.Collect(maps.Values(q.Language)), slices.Collect(maps.Values(q.TextNorm)), []int{q.Event, q.Emotion})
	for _, row := range all {
		if row < 0 || row >= rows {
			return fmt.Errorf("query row %d is not among the %d of embed.weight", row, rows)
		}
	}
	for _, name := range []string{"withitn", "woitn"} {
		if _, ok := q.TextNorm[name]; !ok {
			return fmt.Errorf("no query row for text norm %q", name)
		}
	}
	if _, ok := q.Language["auto"]; !ok {
		return fmt.Errorf("no query row for language %q", "auto")
	}
	return nil
}

// integer reads a number from metadata, where GGUF has numbers and safetensors only strings.
func integer(value any) (n int, given bool, err error) {
	switch v := value.(type) {
	case nil:
		return 0, false, nil
	case uint32:
		return int(v), true, nil
	case int32:
		return int(v), true, nil
	case uint64:
		return int(min(v, maxSize+1)), true, nil
	case int64:
		return int(v), true, nil
	case string:
		if n, err = strconv.Atoi(v); err != nil {
			return 0, false, fmt.Errorf("%q is no number", v)
		}
		return n, true, nil
	}
	return 0, false, fmt.Errorf("a %T is no number", value)
}

// FLOPs counts the floating-point operations of a batch of segments with these numbers of feature rows: two for each
// multiply-add of the matrices, the attention and the convolutions. Normalisation, softmax and the like, below 1 %, do not count.
func (c Config) FLOPs(rows []int) float64 {
	total := 0.0
	for _, r := range rows {
		t := float64(r + QueryRows)
		for _, b := range c.blocks() {
			perRow := 3*b.input*c.Width + c.Width*c.Width + 2*c.Width*c.FeedForward + c.Width*c.Kernel
			total += 2 * t * (float64(perRow) + 2*t*float64(c.Width))
		}
		total += 2 * t * float64(c.Width*c.Vocabulary)
	}
	return total
}
