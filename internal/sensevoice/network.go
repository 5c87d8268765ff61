package sensevoice

import (
	"fmt"

	"sensevoice/internal/engine"
	"sensevoice/internal/weights"
)

// Network is a model's weights, checked and made ready on one engine.
type Network struct {
	Config Config
	engine engine.Engine

	embed   []float32 // query rows
	layers  []layer
	after   engine.Norm
	tpNorm  engine.Norm
	head    engine.Linear
	posBase []float32 // inverse wavelengths of the position sinusoids
}

// layer is one pre-norm block. Fields carry the checkpoint's names.
type layer struct {
	norm1     engine.Norm
	qkv       engine.Linear
	attention engine.Attention
	out       engine.Linear
	norm2     engine.Norm
	w1, w2    engine.Linear
}

// New checks that f holds a whole SenseVoice network and prepares it on an engine. The file must stay open as long
// as the network is used: large matrices are read where they lie.
func New(f *weights.File, e engine.Engine) (*Network, error) {
	config, err := configOf(f)
	if err != nil {
		return nil, err
	}
	l := &loader{file: f, engine: e}
	n := &Network{Config: config, engine: e}
	n.embed = l.embedding(&n.Config)
	for _, b := range config.blocks() {
		n.layers = append(n.layers, l.layer(config, b))
	}
	n.after = l.norm("encoder.after_norm", config.Width)
	n.tpNorm = l.norm("encoder.tp_norm", config.Width)
	n.head = l.linear("ctc.ctc_lo", config.Vocabulary, config.Width)
	n.posBase = wavelengths(config.Input)
	if l.err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, l.err)
	}
	return n, nil
}

// Engine returns the engine that the network runs on.
func (n *Network) Engine() engine.Engine { return n.engine }

// loader takes tensors out of a file and keeps the first error.
type loader struct {
	file   *weights.File
	engine engine.Engine
	err    error
}

func (l *loader) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
}

// tensor finds a tensor of one of the shapes.
func (l *loader) tensor(name string, shapes ...[]int) *weights.Tensor {
	t, ok := l.file.Tensor(name)
	if !ok {
		l.fail("no tensor %s: the checkpoint is not complete", name)
		return nil
	}
	for _, shape := range shapes {
		if fmt.Sprint(t.Shape) == fmt.Sprint(shape) {
			return t
		}
	}
	l.fail("tensor %s: shape %v, want %v", name, t.Shape, shapes[0])
	return nil
}

// vector reads a tensor as float32, in place where it is stored so.
func (l *loader) vector(name string, shapes ...[]int) []float32 {
	t := l.tensor(name, shapes...)
	if t == nil {
		return nil
	}
	if values, ok := t.Float32s(); ok {
		return values
	}
	values := make([]float32, t.Elements())
	if err := t.Decode(values); err != nil {
		l.fail("%w", err)
	}
	return values
}

func (l *loader) norm(name string, width int) engine.Norm {
	return engine.Norm{Gamma: l.vector(name+".weight", []int{width}), Beta: l.vector(name+".bias", []int{width})}
}

func (l *loader) linear(name string, outputs, inputs int) engine.Linear {
	layer := engine.Linear{Bias: l.vector(name+".bias", []int{outputs})}
	if t := l.tensor(name+".weight", []int{outputs, inputs}); t != nil {
		m, err := l.engine.Matrix(t)
		if err != nil {
			l.fail("%w", err)
		}
		layer.Weights = m
	}
	return layer
}

func (l *loader) layer(c Config, b blockName) layer {
	residual := b.input == c.Width // the first block changes the width and so has nothing to add to
	r := layer{
		norm1: l.norm(b.name+".norm1", b.input),
		qkv:   l.linear(b.name+".self_attn.linear_q_k_v", 3*c.Width, b.input),
		attention: engine.Attention{
			Heads: c.Heads, Taps: c.Kernel, Left: (c.Kernel - 1) / 2, Add: residual,
			Memory: l.memory(b.name+".self_attn.fsmn_block.weight", c),
		},
		out:   l.linear(b.name+".self_attn.linear_out", c.Width, c.Width),
		norm2: l.norm(b.name+".norm2", c.Width),
		w1:    l.linear(b.name+".feed_forward.w_1", c.FeedForward, c.Width),
		w2:    l.linear(b.name+".feed_forward.w_2", c.Width, c.FeedForward),
	}
	r.out.Add, r.w1.Activation, r.w2.Add = true, engine.ReLU, true
	return r
}

// memory reads a convolution as one row of taps a channel. GGUF stores taps first.
func (l *loader) memory(name string, c Config) []float32 {
	values := l.vector(name, []int{c.Width, 1, c.Kernel}, []int{c.Kernel, c.Width})
	if t, ok := l.file.Tensor(name); !ok || len(t.Shape) != 2 || len(values) == 0 {
		return values
	}
	rows := make([]float32, len(values))
	for tap := range c.Kernel {
		for channel := range c.Width {
			rows[channel*c.Kernel+tap] = values[tap*c.Width+channel]
		}
	}
	return rows
}

func (l *loader) embedding(c *Config) []float32 {
	t, ok := l.file.Tensor("embed.weight")
	if !ok || t.Shape[0] < 1 || t.Shape[0] > maxSize {
		l.fail("tensor embed.weight: bad shape")
		return nil
	}
	if err := c.Queries.check(t.Shape[0]); err != nil {
		l.fail("%w", err)
	}
	return l.vector("embed.weight", t.Shape)
}
