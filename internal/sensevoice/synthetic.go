package sensevoice

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"sensevoice/internal/weights"
)

// SyntheticNames are the models made in memory.
var SyntheticNames = []string{"synthetic:micro", "synthetic:small"}

// Synthetic makes the weights of one of [SyntheticNames]: of SenseVoiceSmall's size, or tiny. They are numbers
// that depend on each tensor's name and nothing else, so that any program can make the same and
// compare results, and anyone can measure speed at full size without a download. They recognise nothing.
func Synthetic(name string) (*weights.File, error) {
	config, ok := map[string]Config{"synthetic:small": small, "synthetic:micro": micro}[name]
	if !ok {
		return nil, fmt.Errorf("unknown synthetic model %q (%s)", name, strings.Join(SyntheticNames, ", "))
	}
	shapes := config.tensors()
	tensors := make([]weights.Tensor, 0, len(shapes))
	var work sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, s := range shapes {
		values := make([]float32, s.elements())
		tensors = append(tensors, weights.Tensor{Name: s.name, Type: weights.F32, Shape: s.shape, Data: bytesOf(values)})
		slots <- struct{}{}
		work.Go(func() {
			fillSynthetic(values, s.name, s.shape[len(s.shape)-1])
			<-slots
		})
	}
	work.Wait()
	return weights.FromTensors(name, tensors, nil)
}

// tensorShape is one tensor that a network has.
type tensorShape struct {
	name  string
	shape []int
}

func (s tensorShape) elements() int {
	n := 1
	for _, size := range s.shape {
		n *= size
	}
	return n
}

// tensors lists what a checkpoint of this size holds.
func (c Config) tensors() []tensorShape {
	list := []tensorShape{{"embed.weight", []int{embedRows, c.Input}}}
	linear := func(name string, outputs, inputs int) {
		list = append(list, tensorShape{name + ".weight", []int{outputs, inputs}}, tensorShape{name + ".bias", []int{outputs}})
	}
	norm := func(name string, width int) {
		list = append(list, tensorShape{name + ".weight", []int{width}}, tensorShape{name + ".bias", []int{width}})
	}
	for _, b := range c.blocks() {
		norm(b.name+".norm1", b.input)
		linear(b.name+".self_attn.linear_q_k_v", 3*c.Width, b.input)
		list = append(list, tensorShape{b.name + ".self_attn.fsmn_block.weight", []int{c.Width, 1, c.Kernel}})
		linear(b.name+".self_attn.linear_out", c.Width, c.Width)
		norm(b.name+".norm2", c.Width)
		linear(b.name+".feed_forward.w_1", c.FeedForward, c.Width)
		linear(b.name+".feed_forward.w_2", c.Width, c.FeedForward)
	}
	norm("encoder.after_norm", c.Width)
	norm("encoder.tp_norm", c.Width)
	linear("ctc.ctc_lo", c.Vocabulary, c.Width)
	return slices.Clip(list)
}

// blockName is a block's prefix in the checkpoint and the width of its input.
type blockName struct {
	name  string
	input int
}

// blocks lists all blocks in the order they run.
func (c Config) blocks() []blockName {
	list := []blockName{{"encoder.encoders0.0", c.Input}}
	for i := range c.Blocks - 1 {
		list = append(list, blockName{fmt.Sprintf("encoder.encoders.%d", i), c.Width})
	}
	for i := range c.TPBlocks {
		list = append(list, blockName{fmt.Sprintf("encoder.tp_encoders.%d", i), c.Width})
	}
	return list
}

// fillSynthetic writes a tensor's values: u from splitmix64 over FNV-1a of the name plus the index, in [-1, 1);
// norm weights are 1 + 0.1 u, biases 0.05 u, convolutions 0.1 u, the embedding u, other matrices u √(3/fan-in).
func fillSynthetic(values []float32, name string, fanIn int) {
	seed := uint64(0xCBF29CE484222325)
	for _, b := range []byte(name) {
		seed = (seed ^ uint64(b)) * 0x100000001B3
	}
	offset, scale := 0.0, math.Sqrt(3/float64(fanIn))
	switch {
	case strings.Contains(name, "norm") && strings.HasSuffix(name, "weight"):
		offset, scale = 1, 0.1
	case strings.HasSuffix(name, "bias"):
		scale = 0.05
	case strings.Contains(name, "fsmn_block"):
		scale = 0.1
	case strings.HasPrefix(name, "embed"):
		scale = 1
	}
	for i := range values {
		z := seed + uint64(i) + 0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		u := float64(z>>40)*0x1p-23 - 1
		values[i] = float32(offset + scale*u)
	}
}

// bytesOf views numbers as a file would store them. Every machine this builds for is little-endian.
func bytesOf(values []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
}
