package vecmath

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// LanePitch is the bytes from one channel to the next in a panel: 16 lanes of float32.
const LanePitch = 64

// ISA is an instruction set that kernels are written for, with the bytes of its vectors.
type ISA struct {
	Name  string // ends the names of its kernels
	Bytes int
}

// The instruction sets: two vectors or one hold the lanes of a panel.
var (
	AVX2   = ISA{"AVX2", 32}
	AVX512 = ISA{"AVX512", 64}
	ISAs   = []ISA{AVX2, AVX512}
)

// Vectors returns how many vectors hold the lanes of a panel.
func (isa ISA) Vectors() int { return LanePitch / isa.Bytes }

// Register returns a new vector register.
func (isa ISA) Register() reg.VecVirtual {
	if isa == AVX512 {
		return ZMM()
	}
	return YMM()
}

// Registers returns one for each vector of a panel.
func (isa ISA) Registers() []reg.VecVirtual {
	registers := make([]reg.VecVirtual, isa.Vectors())
	for i := range registers {
		registers[i] = isa.Register()
	}
	return registers
}

// Zero returns a new register of zeros.
func (isa ISA) Zero() reg.VecVirtual {
	v := isa.Register()
	Clear(v)
	return v
}

// Clear makes a register all zeros.
func Clear(v reg.VecVirtual) {
	if v.Size() == 64 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// One returns a new register of ones, made from all bits set.
func (isa ISA) One() reg.VecVirtual {
	v := isa.Register()
	if isa == AVX512 {
		VPTERNLOGD(operand.U8(0xFF), v, v, v)
	} else {
		VPCMPEQD(v, v, v)
	}
	VPSLLD(operand.U8(25), v, v)
	VPSRLD(operand.U8(2), v, v)
	return v
}

// Fill sets every lane to the 32 bits.
func Fill(v reg.VecVirtual, bits uint32) {
	word, x := GP32(), XMM()
	MOVL(operand.U32(bits), word)
	VMOVD(word, x)
	VBROADCASTSS(x, v)
}

// Broadcast returns a new register with the parameter in every lane.
func (isa ISA) Broadcast(param string) reg.VecVirtual {
	v := isa.Register()
	p, _ := Param(param).Resolve()
	VBROADCASTSS(p.Addr, v)
	return v
}

// Mask is some lanes of a panel: as vectors of all bits set or, with AVX-512, a mask register.
type Mask struct {
	vectors []reg.VecVirtual
	bits    reg.OpmaskVirtual
}

// LoadMask reads the parameter, a pointer to 16 words with all bits set or none.
func (isa ISA) LoadMask(param string) Mask {
	p := Load(Param(param), GP64())
	if isa == AVX512 {
		words, m := isa.Register(), Mask{bits: K()}
		VMOVDQU32(operand.Mem{Base: p}, words)
		VPTESTMD(words, words, m.bits)
		return m
	}
	m := Mask{vectors: isa.Registers()}
	for i, v := range m.vectors {
		VMOVUPS(operand.Mem{Base: p, Disp: isa.Bytes * i}, v)
	}
	return m
}

// Store writes the lanes of vector i of a panel that are in the mask.
func (m Mask) Store(v reg.VecVirtual, i int, at operand.Mem) {
	if m.vectors == nil {
		VMOVUPS(v, m.bits, at)
	} else {
		VMASKMOVPS(v, m.vectors[i], at)
	}
}
