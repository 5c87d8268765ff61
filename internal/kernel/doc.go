// Package kernel computes the model's operations on the CPU, over slices.
//
// # Layout
//
// Activations lie in panels of [Lanes] rows: panel p holds rows 16p to 16p+15, channel by channel, so
// that element (row, channel) of C channels is at [(row/16)*C*16 + channel*16 + row%16]. A vector
// register then holds one channel of several rows. Matrix products broadcast single weights against it
// and so read the weights as any file stores them, row after row: nothing is repacked at load, and a
// mapped file is used in place. Normalisation and softmax become plain sums down the channels,
// and a result never depends on which lane or panel a row has landed in.
//
// # Promises
//
// Every sum runs in one fixed order given by its operands' sizes alone. Rows alone and in a batch, on one
// thread and on many, are therefore equal bit for bit within one instruction set. Between instruction sets results
// differ by rounding (fused multiply-add), within 1e-5 relative to the sum of magnitudes.
//
// Exported methods check the slices' lengths and panic on a mistake of the caller, as indexing does: sizes come from the plan,
// never from input. NaN in gives NaN out. Inputs and outputs do not overlap unless a method says so. Lanes past the
// last row hold finite values of no meaning, or whatever the caller left there.
//
// # Files
//
// x.go has the checks, x_generic.go the reference in plain Go (in every binary), x_amd64.s the assembly
// that _asm/x generates. A [Set] is one choice among implementations, made once by [Select].
package kernel

// Lanes is the number of rows in a panel.
const Lanes = 16

// Panels returns how many panels hold rows.
func Panels(rows int) int { return (rows + Lanes - 1) / Lanes }
