//go:build !purego

package kernel

import "unsafe"

// gemmArgs is what a tile kernel reads, and where it counts and steps from panel to panel; _asm/gemm knows the offsets.
type gemmArgs struct {
	w                   unsafe.Pointer // first weight row
	ldw                 uintptr        // bytes from one weight row to the next
	k                   uintptr        // inner dimension
	x, y                unsafe.Pointer // first panel, first output
	wStep, xStep, yStep uintptr        // bytes added after each panel
	count               uintptr        // panels
	bias                unsafe.Pointer // one a row, or nil
	flags               uintptr
	ahead, aheadEnd     unsafe.Pointer // weights to fetch into the second-level cache meanwhile
}

const (
	flagReLU = 1
	flagAdd  = 2
)

// newArgs returns what is the same for all tiles of a product.
func newArgs(g *GEMM) gemmArgs {
	args := gemmArgs{ldw: uintptr(4 * g.LDW), k: uintptr(g.K), xStep: uintptr(4 * g.XPitch), yStep: uintptr(4 * g.YPitch)}
	if g.ReLU {
		args.flags |= flagReLU
	}
	if g.Add {
		args.flags |= flagAdd
	}
	ahead := g.Ahead
	if len(ahead) == 0 {
		ahead = g.W
	}
	args.ahead, args.aheadEnd = unsafe.Pointer(&ahead[0]), unsafe.Pointer(&ahead[len(ahead)-1])
	return args
}

// weights points the arguments at the weight rows of a tile.
func (args *gemmArgs) weights(g *GEMM, n int) {
	args.w = unsafe.Pointer(&g.W[n*g.LDW])
	if g.Bias != nil {
		args.bias = unsafe.Pointer(&g.Bias[n])
	}
}

// panels points them at count panels (or pairs) from panel p on.
func (args *gemmArgs) panels(g *GEMM, n, p, count int) {
	args.x, args.y, args.count = unsafe.Pointer(&g.X[p*g.XPitch]), unsafe.Pointer(&g.Y[p*g.YPitch+n*Lanes]), uintptr(count)
}
