package weights

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"sensevoice/internal/golden"
)

// fixture is WEIGHT of testdata/make_files.py.
var fixture = []float32{-0.5, -0.25, 0, 0.25, 0.5, 0.75}

func TestPyTorchFixtures(t *testing.T) {
	for _, test := range []struct {
		path  string
		names []string
		of    Type
	}{
		{"module_state_dict.pt", []string{"weight", "bias"}, F32},
		{"nested_state_dict.pt", []string{"w"}, F32},
		{"parameter.pt", []string{"w"}, F32},
		{"half.pt", []string{"w"}, F16},
		{"bfloat16.pt", []string{"w"}, BF16},
		{"integers.pt", []string{"i8", "u8", "i32", "i64", "w"}, I8},
		{"shared_storage.pt", []string{"w", "row", "tied"}, F32},
		{"protocol_4.pt", []string{"w"}, F32},
	} {
		t.Run(test.path, func(t *testing.T) {
			f := open(t, "testdata/"+test.path)
			if f.Format != PyTorch || !slices.Equal(f.Names(), test.names) {
				t.Fatalf("%v with tensors %q, want %q", f.Format, f.Names(), test.names)
			}
			if first := tensor(t, f, test.names[0]); first.Type != test.of {
				t.Errorf("type %v, want %v", first.Type, test.of)
			}
			weight, ok := f.Tensor("w")
			if !ok {
				weight = tensor(t, f, "weight")
			}
			if !slices.Equal(weight.Shape, []int{2, 3}) || !slices.Equal(decode(t, weight), fixture) {
				t.Errorf("shape %v, values %v", weight.Shape, decode(t, weight))
			}
		})
	}
}

func TestPyTorchIntegers(t *testing.T) {
	f := open(t, "testdata/integers.pt")
	for name, want := range map[string]Tensor{
		"i8":  {Type: I8, Shape: []int{2}, Data: []byte{0xff, 2}},
		"u8":  {Type: U8, Shape: []int{1}, Data: []byte{255}},
		"i32": {Type: I32, Shape: []int{1, 1}, Data: []byte{0xfd, 0xff, 0xff, 0xff}},
		"i64": {Type: I64, Shape: []int{}, Data: []byte{0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
	} {
		got := tensor(t, f, name)
		if got.Type != want.Type || !slices.Equal(got.Shape, want.Shape) || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%s: %v %v % x", name, got.Type, got.Shape, got.Data)
		}
		if err := got.Decode(make([]float32, got.Elements())); err == nil {
			t.Errorf("%s: integers were decoded as float32", name)
		}
	}
}

func TestPyTorchSharesStorages(t *testing.T) {
	f := open(t, "testdata/shared_storage.pt")
	if row := decode(t, tensor(t, f, "row")); !slices.Equal(row, fixture[3:]) {
		t.Errorf("row is %v", row)
	}
	if &tensor(t, f, "w").Data[12] != &tensor(t, f, "row").Data[0] || &tensor(t, f, "w").Data[0] != &tensor(t, f, "tied").Data[0] {
		t.Error("tensors of one storage do not share memory")
	}
}

// TestPyTorchSynthetic compares a checkpoint with the formula that its values were made by.
func TestPyTorchSynthetic(t *testing.T) {
	f := open(t, golden.Path("micro.pt"))
	if len(f.Names()) != 72 {
		t.Errorf("%d tensors, want 72", len(f.Names()))
	}
	for _, test := range []struct {
		name  string
		shape []int
		scale func(u float64) float64
	}{
		{"embed.weight", []int{16, 560}, func(u float64) float64 { return u }},
		{"ctc.ctc_lo.weight", []int{300, 64}, func(u float64) float64 { return u * math.Sqrt(3.0/64) }},
		{"ctc.ctc_lo.bias", []int{300}, func(u float64) float64 { return 0.05 * u }},
		{"encoder.after_norm.weight", []int{64}, func(u float64) float64 { return 1 + 0.1*u }},
		{"encoder.encoders0.0.self_attn.linear_q_k_v.weight", []int{192, 560}, func(u float64) float64 { return u * math.Sqrt(3.0/560) }},
		{"encoder.tp_encoders.1.self_attn.fsmn_block.weight", []int{64, 1, 11}, func(u float64) float64 { return 0.1 * u }},
	} {
		got := tensor(t, f, test.name)
		if got.Type != F32 || !slices.Equal(got.Shape, test.shape) {
			t.Errorf("%s: %v %v, want F32 %v", test.name, got.Type, got.Shape, test.shape)
			continue
		}
		values, ok := got.Float32s()
		if !ok {
			t.Errorf("%s: cannot be viewed as float32", test.name)
		}
		for i, value := range values {
			if want := float32(test.scale(synthetic(test.name, i))); value != want {
				t.Errorf("%s[%d] is %v, want %v", test.name, i, value, want)
				break
			}
		}
	}
}

// synthetic is u of synthetic_values in the PyTorch reference: splitmix64 of fnv1a64(name) + index,
// the upper 24 bits scaled to [-1, 1).
func synthetic(name string, index int) float64 {
	z := uint64(0xCBF29CE484222325)
	for _, b := range []byte(name) {
		z = (z ^ uint64(b)) * 0x100000001B3
	}
	z += uint64(index) + 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return float64(z>>40)*0x1p-23 - 1
}

func TestPyTorchReleasedVAD(t *testing.T) {
	f := open(t, golden.Reference(t, "fsmn-vad", "model.pt"))
	for name, shape := range map[string][]int{
		"encoder.in_linear1.linear.weight":           {140, 400},
		"encoder.in_linear2.linear.bias":             {250},
		"encoder.fsmn.0.linear.linear.weight":        {128, 250},
		"encoder.fsmn.3.fsmn_block.conv_left.weight": {128, 1, 20, 1},
		"encoder.out_linear2.linear.weight":          {248, 140},
	} {
		if got := tensor(t, f, name); !slices.Equal(got.Shape, shape) {
			t.Errorf("%s: shape %v, want %v", name, got.Shape, shape)
		}
	}
}

// TestPickle runs programs that torch.save would not write.
func TestPickle(t *testing.T) {
	for _, test := range []struct {
		name, program, want string // want is a message, or "" for success
	}{
		{"only None", "N.", ""},
		{"protocol 5", "\x80\x05\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94.", ""},
		{"dictionary that holds itself", "}q\x00\x8c\x05modelh\x00s.", ""},
		{"integers", "(J\xff\xff\xff\xffK\x07M\x00\x01\x8a\x02\x00\xff\x8a\x00G\x3f\xf0\x00\x00\x00\x00\x00\x00t.", ""},
		{"list", "](K\x01K\x02eK\x03a.", ""},
		{"empty", "", "truncated"},
		{"no stop", "N", "truncated"},
		{"nothing at stop", ".", "a value is missing on the stack"},
		{"pop below a mark", "N(0", "a value is missing"},
		{"tuple without mark", "t.", "a mark is missing"},
		{"get before put", "h\x00.", "nothing was put at 0"},
		{"protocol 6", "\x80\x06.", "protocol 6"},
		{"unknown instruction", "\xff.", "instruction 0xff"},
		{"integer of 9 bytes", "\x8a\x09123456789.", "an integer of 9 bytes"},
		{"long string", "X\x00\x00\x10\x00", "a string of 1048576 bytes"},
		{"huge string", "\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "a string of"},
		{"item of a list", "]NNs.", "sets an item of a list"},
		{"append to a dictionary", "}Na.", "appends to a dictionary"},
		{"key without value", "}(Nu.", "a key has no value"},
		{"global without end", "cos", "a name without an end"},
		{"global on the stack", "\x8c\x02os\x8c\x06system\x93.", `refused to import "os.system"`},
		{"global that is a number", "NN\x93.", "a global's name is not a string"},
		{"new object", "ccollections\nOrderedDict\n)\x81.", "instruction 0x81"},
		{"call of a string", "\x8c\x01f)R.", "calls a string"},
		{"call of a storage class", "ctorch\nFloatStorage\n)R.", "calls torch.FloatStorage"},
		{"OrderedDict with arguments", "ccollections\nOrderedDict\nN\x85R.", "an OrderedDict with arguments"},
		{"tensor without arguments", "ctorch._utils\n_rebuild_tensor_v2\n)R.", "0 arguments instead of 6 or 7"},
		{"parameter of None", "ctorch._utils\n_rebuild_parameter\nNNN\x87R.", "a parameter made of None"},
		{"persistent number", "K\x01Q.", "a persistent object that is not a storage"},
		{"deep stack", strings.Repeat("N", maxPickleStack+1), "values on the stack"},
		{"many marks", strings.Repeat("(", maxPickleStack+1), "marks on the stack"},
		{"long program", strings.Repeat("N0", maxPickleOps/2+1), "more than 1048576 instructions"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := unpickle([]byte(test.program), 0, func(string) ([]byte, error) { return nil, nil })
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestPickleValues(t *testing.T) {
	program := "(J\xff\xff\xff\xffM\x00\x01\x8a\x02\x00\xff\x8a\x00G\x3f\xf8\x00\x00\x00\x00\x00\x00\x88\x8c\x02hit."
	value, err := unpickle([]byte(program), 0, nil)
	want := pickleTuple{int64(-1), int64(256), int64(-256), int64(0), 1.5, true, "hi"}
	if got, _ := value.(pickleTuple); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", value, err, want)
	}
}

// TestStateDictHoldsItself would not end if wrappers were followed without bound.
func TestStateDictHoldsItself(t *testing.T) {
	value, err := unpickle([]byte("}q\x00\x8c\x05modelh\x00s."), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stateDict(value, 0); err == nil || !strings.Contains(err.Error(), "no tensors") {
		t.Errorf("error is %v", err)
	}
}
