package weights

import (
	"bytes"
	"errors"
	"fmt"
)

// pickleGlobal is what Python would import: one of the names below, and nothing else.
type pickleGlobal string

const (
	orderedDict      pickleGlobal = "collections.OrderedDict"
	rebuildTensor    pickleGlobal = "torch._utils._rebuild_tensor_v2"
	rebuildParameter pickleGlobal = "torch._utils._rebuild_parameter"
)

// storageTypes are the classes of storages whose elements have a Type.
var storageTypes = map[pickleGlobal]Type{
	"torch.FloatStorage":    F32,
	"torch.HalfStorage":     F16,
	"torch.BFloat16Storage": BF16,
	"torch.ByteStorage":     U8,
	"torch.CharStorage":     I8,
	"torch.IntStorage":      I32,
	"torch.LongStorage":     I64,
}

// otherStorages are classes that PyTorch has and this package has no Type for.
var otherStorages = map[pickleGlobal]bool{
	"torch.DoubleStorage": true, "torch.ShortStorage": true, "torch.BoolStorage": true,
	"torch.ComplexFloatStorage": true, "torch.ComplexDoubleStorage": true,
	"torch.QInt8Storage": true, "torch.QUInt8Storage": true, "torch.QInt32Storage": true,
}

// pickleStorage is a run of elements that tensors are views of.
type pickleStorage struct {
	elements Type
	data     []byte
}

// global reads a module and a name, a line each.
func (u *unpickler) global() {
	module := u.line()
	u.pushGlobal(module, u.line())
}

func (u *unpickler) line() string {
	end := bytes.IndexByte(u.data[u.pos:], '\n')
	if end < 0 || end > maxPickleText {
		u.refuse("a name without an end")
		return ""
	}
	line := u.text(uint64(end))
	u.bytes(1)
	return line
}

// stackGlobal takes module and name from the stack.
func (u *unpickler) stackGlobal() {
	name, named := u.pop().(string)
	module, known := u.pop().(string)
	if !named || !known {
		u.refuse("a global's name is not a string")
		return
	}
	u.pushGlobal(module, name)
}

func (u *unpickler) pushGlobal(module, name string) {
	global := pickleGlobal(module + "." + name)
	_, isStorage := storageTypes[global]
	switch {
	case u.err != nil:
	case isStorage || global == orderedDict || global == rebuildTensor || global == rebuildParameter:
		u.push(global)
	case otherStorages[global]:
		u.refuse("a tensor is stored in a %s: convert it to float32 and save again", global)
	default:
		u.refuse("refused to import %q: a checkpoint may hold nothing but tensors; save model.state_dict()", brief(string(global)))
	}
}

// persistent turns ("storage", class, key, device, elements), which is how torch.save writes a
// storage, into the bytes of that storage.
func (u *unpickler) persistent() {
	id, _ := u.pop().(pickleTuple)
	if len(id) != 5 || id[0] != "storage" {
		u.refuse("a persistent object that is not a storage")
		return
	}
	class, _ := id[1].(pickleGlobal)
	key, named := id[2].(string)
	count, counted := id[4].(int64)
	elements, known := storageTypes[class]
	if !named || !counted || !known {
		u.refuse("a storage without class, key or size")
		return
	}
	data, err := u.storage(key)
	if err != nil {
		u.err = err
		return
	}
	width := elements.Bytes(1)
	if count < 0 || count != int64(len(data)/width) || len(data)%width != 0 {
		u.refuse("storage %q has %d bytes instead of %d elements of %v", brief(key), len(data), count, elements)
		return
	}
	u.push(&pickleStorage{elements: elements, data: data})
}

// reduce calls one of the three functions that a state dict needs.
func (u *unpickler) reduce() {
	args, _ := u.pop().(pickleTuple)
	function := u.pop()
	if u.err != nil {
		return
	}
	switch function {
	case orderedDict:
		if len(args) != 0 {
			u.refuse("an OrderedDict with arguments")
			return
		}
		u.push(&pickleDict{})
	case rebuildTensor:
		tensor, err := newTensor(args)
		if err != nil {
			u.refuse("tensor: %w", err)
			return
		}
		u.push(tensor)
	case rebuildParameter: // (tensor, requires_grad, hooks)
		if len(args) != 3 {
			u.refuse("a parameter with %d arguments instead of 3", len(args))
			return
		}
		tensor, ok := args[0].(*Tensor)
		if !ok {
			u.refuse("a parameter made of %s", kind(args[0]))
			return
		}
		u.push(tensor)
	default:
		u.refuse("calls %s, which is not a function", kind(function))
	}
}

// build gives an object attributes. State dicts come with one, _metadata (versions of modules), which
// has no use here.
func (u *unpickler) build() {
	_, attributes := u.pop().(*pickleDict)
	object := u.pop()
	if _, ok := object.(*pickleDict); !ok || !attributes {
		u.refuse("sets the state of %s", kind(object))
		return
	}
	u.push(object)
}

// newTensor does what torch._utils._rebuild_tensor_v2 does with its arguments: storage, offset in
// elements, size, stride, requires_grad, hooks, and since PyTorch 2.0 sometimes metadata.
func newTensor(args pickleTuple) (*Tensor, error) {
	if len(args) != 6 && len(args) != 7 {
		return nil, fmt.Errorf("%d arguments instead of 6 or 7", len(args))
	}
	storage, isStorage := args[0].(*pickleStorage)
	offset, isOffset := args[1].(int64)
	shape, isShape := integers(args[2])
	strides, isStrides := integers(args[3])
	if !isStorage || !isOffset || !isShape || !isStrides || len(strides) != len(shape) {
		return nil, errors.New("storage, offset, size or stride is missing")
	}
	if len(args) == 7 && args[6] != nil {
		// It says, for one, that the values are to be negated.
		return nil, errors.New("has metadata that is not supported: save tensor.clone()")
	}
	size, err := byteSize(storage.elements, shape)
	if err != nil {
		return nil, err
	}
	if !contiguous(shape, strides) {
		return nil, fmt.Errorf("shape %v with strides %v is not contiguous: save tensor.contiguous()", shape, strides)
	}
	width := storage.elements.Bytes(1)
	if offset < 0 || offset > int64(len(storage.data)/width) || size > len(storage.data)-int(offset)*width {
		return nil, fmt.Errorf("shape %v at element %d is outside its storage of %d", shape, offset, len(storage.data)/width)
	}
	begin := int(offset) * width
	return &Tensor{Type: storage.elements, Shape: shape, Data: storage.data[begin : begin+size : begin+size]}, nil
}

// integers returns the values of a tuple of integers that can be sizes.
func integers(value any) ([]int, bool) {
	tuple, ok := value.(pickleTuple)
	if !ok || len(tuple) > maxDimensions {
		return nil, false
	}
	result := make([]int, len(tuple))
	for i, item := range tuple {
		number, ok := item.(int64)
		if !ok || int64(int(number)) != number {
			return nil, false
		}
		result[i] = int(number)
	}
	return result, true
}

// contiguous reports whether strides, in elements, are those of row-major order. The stride of a
// dimension of size 1 is never used, and a tensor without elements uses none.
func contiguous(shape, strides []int) bool {
	want := 1
	fits := true
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] == 0 {
			return true
		}
		fits = fits && (shape[i] == 1 || strides[i] == want)
		want *= shape[i]
	}
	return fits
}

// kind names a value of a pickle for a message.
func kind(value any) string {
	switch value := value.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case string:
		return "a string"
	case pickleTuple:
		return "a tuple"
	case *pickleList:
		return "a list"
	case *pickleDict:
		return "a dictionary"
	case *pickleStorage:
		return "a storage"
	case *Tensor:
		return "a tensor"
	case pickleGlobal:
		return string(value)
	default:
		return fmt.Sprintf("a %T", value)
	}
}
