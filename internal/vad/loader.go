package vad

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sensevoice/internal/weights"
)

// What a network of this kind may have; the released one is far below. The limits keep a hostile file from making every
// stream expensive.
const (
	maxSize   = 1024
	maxTaps   = 64
	maxBlocks = 16

	anySize = -1 // in a shape: 1 to maxSize
	anyTaps = -2 // in a shape: 1 to maxTaps
)

// loader takes tensors out of a file and keeps the first error. After one, what it returns is empty.
type loader struct {
	file *weights.File
	err  error
}

func (l *loader) has(name string) bool {
	_, ok := l.file.Tensor(name)
	return ok
}

func (l *loader) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
}

func blockName(i int) string { return fmt.Sprintf("encoder.fsmn.%d", i) }

// blocks counts the blocks that the file begins; at least one must be there.
func (l *loader) blocks() int {
	count := 1
	for l.has(blockName(count) + ".linear.linear.weight") {
		if count++; count > maxBlocks {
			l.fail("more than %d blocks of memory", maxBlocks)
			break
		}
	}
	return count
}

// tensor finds a tensor that has one of the shapes.
func (l *loader) tensor(name string, shapes ...[]int) *weights.Tensor {
	if l.err != nil {
		return nil
	}
	t, ok := l.file.Tensor(name)
	if !ok {
		l.fail("no tensor %s: not a complete FSMN-VAD model", name)
		return nil
	}
	for _, shape := range shapes {
		if slices.EqualFunc(t.Shape, shape, fits) {
			return t
		}
	}
	l.fail("tensor %s: shape %v, want %s", name, t.Shape, describe(shapes))
	return nil
}

func fits(size, want int) bool {
	switch want {
	case anySize:
		return size >= 1 && size <= maxSize
	case anyTaps:
		return size >= 1 && size <= maxTaps
	}
	return size == want
}

// values reads a tensor of one of the shapes as float32.
func (l *loader) values(name string, shapes ...[]int) []float32 {
	t := l.tensor(name, shapes...)
	if t == nil {
		return nil
	}
	values := make([]float32, t.Elements())
	if err := t.Decode(values); err != nil {
		l.fail("%w", err)
	}
	for i, x := range values {
		if x-x != 0 {
			l.fail("tensor %s: value %d is %v", name, i, x)
		}
	}
	return values
}

// matrix reads the weights of a layer without bias.
func (l *loader) matrix(name string, outputs, inputs int) affine {
	a := affine{weights: l.values(name+".linear.weight", []int{outputs, inputs}), inputs: inputs}
	if l.err == nil {
		a.outputs = len(a.weights) / inputs
	}
	return a
}

func (l *loader) affine(name string, outputs, inputs int) affine {
	a := l.matrix(name, outputs, inputs)
	a.bias = l.values(name+".linear.bias", []int{a.outputs})
	return a
}

func (l *loader) block(name string, width int) block {
	b := block{linear: l.matrix(name+".linear", anySize, width)}
	b.affine = l.affine(name+".affine", width, b.linear.outputs)
	b.memory, b.taps = l.memory(name+".fsmn_block.conv_left.weight", b.linear.outputs)
	return b
}

// memory reads a convolution as a row of taps for each channel. GGUF stores taps first.
func (l *loader) memory(name string, channels int) (memory []float32, taps int) {
	values := l.values(name, []int{channels, 1, anyTaps, 1}, []int{anyTaps, channels})
	if l.err != nil {
		return nil, 0
	}
	taps = len(values) / channels
	if t, _ := l.file.Tensor(name); len(t.Shape) != 2 {
		return values, taps
	}
	memory = make([]float32, len(values))
	for i, x := range values {
		memory[i%channels*taps+i/channels] = x
	}
	return memory, taps
}

// describe writes shapes for people.
func describe(shapes [][]int) string {
	var text strings.Builder
	for i, shape := range shapes {
		if i > 0 {
			text.WriteString(" or ")
		}
		sizes := make([]string, len(shape))
		for j, size := range shape {
			switch size {
			case anySize:
				sizes[j] = fmt.Sprintf("1..%d", maxSize)
			case anyTaps:
				sizes[j] = fmt.Sprintf("1..%d", maxTaps)
			default:
				sizes[j] = strconv.Itoa(size)
			}
		}
		text.WriteString("[" + strings.Join(sizes, " ") + "]")
	}
	return text.String()
}
