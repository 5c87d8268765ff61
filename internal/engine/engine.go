// Package engine says what a device must be able to do to run the model: a dozen operations over
// activations that lie in one arena. The forward pass (package sensevoice) is written once against
// [Engine]; engine/cpu implements it.
//
// An engine runs one batch at a time and is not safe for concurrent use; callers queue. How activations are laid out is the
// engine's own matter: callers see offsets into the arena, and prices in bytes before anything runs.
package engine

import (
	"time"

	"sensevoice/internal/weights"
)

// Batch is segments packed end to end without padding: segment i has rows Starts[i] to Starts[i+1].
type Batch struct {
	Starts []int // one more than segments, from 0 on, each larger than the one before
}

// Rows returns the number of rows of all segments.
func (b Batch) Rows() int { return b.Starts[len(b.Starts)-1] }

// Segments returns the number of segments.
func (b Batch) Segments() int { return len(b.Starts) - 1 }

// Buffer is a place in the arena for activations: Rows rows of Channels numbers, from byte Offset.
type Buffer struct {
	Offset         int64
	Rows, Channels int
}

// Matrix is a weight matrix that an engine has made ready: Outputs rows of Inputs columns.
type Matrix interface{ Shape() (outputs, inputs int) }

// Activation is what a linear layer applies to its result.
type Activation uint8

// The activations.
const (
	Identity Activation = iota
	ReLU
)

// Linear is one linear layer: dst = act(weights·src + bias), or with Add, act(dst + weights·src + bias).
type Linear struct {
	Weights    Matrix
	Bias       []float32 // as many as outputs
	Activation Activation
	Add        bool
}

// Norm is the gain and offset of a layer normalisation.
type Norm struct{ Gamma, Beta []float32 }

// MaxReach is how many rows before or after the present an FSMN memory may reach.
const MaxReach = 16

// Attention is one block's self-attention over the segments of a batch, with its FSMN memory. The source
// holds queries, keys and values side by side, d channels each, and
//
//	context = softmax(q·kᵀ/√(d/Heads))·v, head by head, each segment for itself
//	memory  = v + depthwise convolution of v over time (Taps, Left of them in the past), zero outside the segment
//
// Memory is written to the stream x, or added to it with Add.
type Attention struct {
	Heads      int
	Taps, Left int       // Left and Taps-1-Left, the reach to either side, are at most MaxReach
	Memory     []float32 // d rows of Taps
	Add        bool
}

// Ban forbids a vocabulary entry to the arg-max of one segment; probabilities stay as they are.
type Ban struct {
	Segment int
	ID      int32
}

// Engine runs operations on one device. Methods that take buffers expect them to lie in the reserved arena, of the sizes that a plan
// gave them; a mistake there is the caller's bug and panics.
type Engine interface {
	// Name says what it runs on, for people: "cpu (avx2, 2 threads)".
	Name() string

	// Matrix makes a two-dimensional weight tensor ready for Linear and ArgMax. The tensor's data must stay valid.
	Matrix(t *weights.Tensor) (Matrix, error)

	// BufferBytes prices a buffer of activations.
	BufferBytes(rows, channels int) int64
	// AttentionBytes prices the scratch space that Attend needs for a batch.
	AttentionBytes(b Batch, channels, heads int) int64
	// ArgMaxBytes prices the scratch space that ArgMax needs.
	ArgMaxBytes(rows, vocabulary int) int64

	// Reserve makes the arena at least so large. Contents are lost when it grows.
	Reserve(bytes int64) error
	// Reserved returns the size of the arena.
	Reserved() int64

	// Load writes rows of channels values, row-major, into a buffer.
	Load(dst Buffer, values []float32)
	// Read copies rows of a buffer, row-major, into dst: a way for tests and debugging to look inside.
	Read(dst []float32, src Buffer)
	// LayerNorm normalises each row of src; dst may be src.
	LayerNorm(dst, src Buffer, norm Norm)
	// Linear applies a layer to each row.
	Linear(dst, src Buffer, layer *Linear)
	// Attend computes context and memory from qkv; scratch has AttentionBytes at least.
	Attend(context, x, qkv Buffer, a *Attention, b Batch, scratch Buffer)
	// ArgMax gives each row's most likely vocabulary entry and its log-probability, without keeping logits.
	// Scratch has ArgMaxBytes at least.
	ArgMax(ids []int32, logProbs []float32, src Buffer, head *Linear, b Batch, bans []Ban, scratch Buffer)

	// Times returns how long each kind of operation has run since the engine was made.
	Times() map[string]time.Duration
	// Close ends the engine's threads and frees its memory.
	Close() error
}
