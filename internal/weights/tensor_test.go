package weights

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestFromHalf compares all halves with the definition of the format, computed in float64.
func TestFromHalf(t *testing.T) {
	for h := range 1 << 16 {
		sign := 1 - 2*float64(h>>15)
		exponent, fraction := h>>10&31, float64(h&1023)
		var want float64
		switch exponent {
		case 0:
			want = math.Ldexp(fraction, -24)
		case 31:
			want = math.Inf(1)
			if fraction != 0 {
				want = math.NaN()
			}
		default:
			want = math.Ldexp(1024+fraction, exponent-25)
		}
		want *= sign
		got := float64(fromHalf(uint16(h)))
		same := got == want && math.Signbit(got) == math.Signbit(want)
		if !same && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("half %#04x is %v, want %v", h, got, want)
		}
	}
}

func TestDecodeBF16(t *testing.T) {
	got := decode(t, &Tensor{Type: BF16, Shape: []int{4}, Data: []byte{0x80, 0x3f, 0x00, 0xc0, 0x01, 0x00, 0x80, 0x7f}})
	want := []float32{1, -2, math.Float32frombits(1 << 16), float32(math.Inf(1))}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestDecodeQ8(t *testing.T) {
	var data []byte
	var want []float32
	for block, scale := range []uint16{0x3800, 0xc000} { // 0.5, -2
		data = binary.LittleEndian.AppendUint16(data, scale)
		for i := range 32 {
			q := int8(i*8 - 128 + block)
			data = append(data, byte(q))
			want = append(want, []float32{0.5, -2}[block]*float32(q))
		}
	}
	got := decode(t, &Tensor{Type: Q8_0, Shape: []int{2, 32}, Data: data})
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, test := range []struct {
		tensor Tensor
		dst    int
		want   string
	}{
		{Tensor{Type: F32, Shape: []int{2}, Data: make([]byte, 8)}, 3, "has 2 elements [2], decoded into 3"},
		{Tensor{Type: F32, Shape: []int{2}, Data: make([]byte, 7)}, 2, "takes 8 bytes, not 7"},
		{Tensor{Type: Q8_0, Shape: []int{33}, Data: make([]byte, 68)}, 33, "must be a multiple of 32"},
		{Tensor{Type: I64, Shape: []int{1}, Data: make([]byte, 8)}, 1, "I64 is not a floating-point type"},
		{Tensor{Shape: []int{1}}, 1, "there is no Type(0)"},
	} {
		err := test.tensor.Decode(make([]float32, test.dst))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: error is %v, want %q", test.tensor, err, test.want)
		}
	}
}

func TestFloat32s(t *testing.T) {
	aligned := make([]byte, 16) // a multiple of 8 bytes is aligned to 8
	for _, test := range []struct {
		name   string
		tensor Tensor
		ok     bool
	}{
		{"aligned", Tensor{Type: F32, Shape: []int{3}, Data: aligned[4:]}, littleEndian},
		{"empty", Tensor{Type: F32, Shape: []int{0}}, true},
		{"misaligned", Tensor{Type: F32, Shape: []int{3}, Data: aligned[1:13]}, false},
		{"short", Tensor{Type: F32, Shape: []int{4}, Data: aligned[4:]}, false},
		{"half", Tensor{Type: F16, Shape: []int{8}, Data: aligned}, false},
	} {
		values, ok := test.tensor.Float32s()
		if ok != test.ok || ok && len(values) != test.tensor.Elements() {
			t.Errorf("%s: %d values, %v", test.name, len(values), ok)
		}
	}
}

func TestTypeBytes(t *testing.T) {
	for _, test := range []struct {
		of              Type
		name            string
		elements, bytes int
	}{
		{F32, "F32", 3, 12},
		{F16, "F16", 3, 6},
		{BF16, "BF16", 3, 6},
		{Q8_0, "Q8_0", 64, 68},
		{Q8_0, "Q8_0", 33, 68},
		{U8, "U8", 3, 3},
		{I8, "I8", 3, 3},
		{I32, "I32", 3, 12},
		{I64, "I64", 3, 24},
		{0, "Type(0)", 3, 0},
		{99, "Type(99)", 3, 0},
	} {
		if got := test.of.Bytes(test.elements); got != test.bytes || test.of.String() != test.name {
			t.Errorf("%d elements of %v take %d bytes, want %d of %s", test.elements, test.of, got, test.bytes, test.name)
		}
	}
}

func TestByteSizeOverflows(t *testing.T) {
	for _, test := range []struct {
		of    Type
		shape []int
	}{
		{F32, []int{math.MaxInt}},
		{F32, []int{math.MaxInt/4 + 1}},
		{Q8_0, []int{math.MaxInt - 31}},
		{U8, []int{math.MaxInt, 2}},
		{I8, []int{1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20}},
	} {
		if size, err := byteSize(test.of, test.shape); err == nil {
			t.Errorf("%v of shape %v takes %d bytes", test.of, test.shape, size)
		}
	}
	if size, err := byteSize(F32, []int{math.MaxInt / 4}); err != nil || size != math.MaxInt/4*4 {
		t.Errorf("%d, %v", size, err)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, of := range []Type{F32, F16, BF16, Q8_0} {
		b.Run(of.String(), func(b *testing.B) {
			const elements = 512 * 2048
			tensor := Tensor{Type: of, Shape: []int{elements}, Data: make([]byte, of.Bytes(elements))}
			dst := make([]float32, elements)
			b.SetBytes(4 * elements)
			for b.Loop() {
				if err := tensor.Decode(dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
