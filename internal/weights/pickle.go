package weights

import (
	"encoding/binary"
	"math"
	"slices"
)

// Bounds on a pickle's program. A checkpoint takes about 25 instructions a tensor, puts the same
// number of values aside, and adds to dictionaries a thousand entries at a time.
const (
	maxPickleOps   = 1 << 20
	maxPickleStack = 1 << 14
	maxPickleText  = 1 << 16
)

// unpickler runs the program of a pickle (Python's pickletools documents each instruction), as far as
// it builds dictionaries, lists, tuples, plain values and tensors. Nothing in it can call, import or
// look up anything: what Python would import is a pickleGlobal here, a name from a short list.
//
// The values on its stack are nil, bool, int64, float64, string, pickleTuple, *pickleList,
// *pickleDict, pickleGlobal, *pickleStorage and *Tensor.
type unpickler struct {
	cursor
	start   int // place of the current instruction
	stack   []any
	marks   []int // heights of the stack
	memo    map[uint32]any
	done    bool
	storage func(key string) ([]byte, error)
}

type (
	pickleTuple []any
	pickleList  struct{ items []any }
	// pickleDict keeps the order of insertion, and both of two entries with equal keys.
	pickleDict struct{ keys, values []any }
)

// unpickle runs a program that lies at the given place of the file. storage returns the bytes of a
// storage by its key.
func unpickle(program []byte, place int64, storage func(key string) ([]byte, error)) (any, error) {
	u := &unpickler{cursor: cursor{data: program, base: place}, memo: map[uint32]any{}, storage: storage}
	for ops := 0; u.err == nil && !u.done; ops++ {
		u.start = u.pos
		code := u.u8()
		instruction := pickleInstructions[code]
		switch {
		case u.err != nil:
		case ops == maxPickleOps:
			u.refuse("more than %d instructions", maxPickleOps)
		case instruction == nil:
			u.refuse("instruction 0x%02x (%q) is not one that builds tensors", code, code)
		default:
			instruction(u)
		}
	}
	value := u.pop()
	return value, u.err
}

// pickleInstructions is the instruction set: protocol 2, which torch.save writes unless told
// otherwise, and the plain ones of protocols 3 to 5.
var pickleInstructions = [256]func(u *unpickler){
	0x80: (*unpickler).protocol,
	0x95: func(u *unpickler) { u.bytes(8) }, // FRAME: how much to read ahead
	'.':  func(u *unpickler) { u.done = true },

	'N':  func(u *unpickler) { u.push(nil) },
	0x88: func(u *unpickler) { u.push(true) },
	0x89: func(u *unpickler) { u.push(false) },
	'J':  func(u *unpickler) { u.push(int64(u.i32())) },
	'K':  func(u *unpickler) { u.push(int64(u.u8())) },
	'M':  func(u *unpickler) { u.push(int64(u.u16())) },
	0x8a: (*unpickler).long,
	'G':  (*unpickler).float,
	'X':  func(u *unpickler) { u.pushText(uint64(u.u32())) },
	0x8c: func(u *unpickler) { u.pushText(uint64(u.u8())) },
	0x8d: func(u *unpickler) { u.pushText(u.u64()) },

	')':  func(u *unpickler) { u.push(pickleTuple{}) },
	0x85: func(u *unpickler) { u.tuple(1) },
	0x86: func(u *unpickler) { u.tuple(2) },
	0x87: func(u *unpickler) { u.tuple(3) },
	't':  func(u *unpickler) { u.push(pickleTuple(u.popMark())) },
	']':  func(u *unpickler) { u.push(&pickleList{}) },
	'a':  func(u *unpickler) { u.appendItems([]any{u.pop()}) },
	'e':  func(u *unpickler) { u.appendItems(u.popMark()) },
	'}':  func(u *unpickler) { u.push(&pickleDict{}) },
	's':  func(u *unpickler) { value := u.pop(); u.setItems([]any{u.pop(), value}) },
	'u':  func(u *unpickler) { u.setItems(u.popMark()) },

	'(':  (*unpickler).mark,
	'0':  func(u *unpickler) { u.pop() },
	'1':  func(u *unpickler) { u.popMark() },
	'q':  func(u *unpickler) { u.put(uint32(u.u8())) },
	'r':  func(u *unpickler) { u.put(u.u32()) },
	0x94: func(u *unpickler) { u.put(uint32(len(u.memo))) },
	'h':  func(u *unpickler) { u.get(uint32(u.u8())) },
	'j':  func(u *unpickler) { u.get(u.u32()) },

	'c':  (*unpickler).global,
	0x93: (*unpickler).stackGlobal,
	'Q':  (*unpickler).persistent,
	'R':  (*unpickler).reduce,
	'b':  (*unpickler).build,
}

// refuse fails at the current instruction.
func (u *unpickler) refuse(format string, args ...any) {
	u.fail(u.start, "pickle: "+format, args...)
}

func (u *unpickler) push(value any) {
	if len(u.stack) == maxPickleStack {
		u.refuse("more than %d values on the stack", maxPickleStack)
		return
	}
	u.stack = append(u.stack, value)
}

// pop takes the top of the stack, but nothing from below the last mark.
func (u *unpickler) pop() any {
	floor := 0
	if len(u.marks) > 0 {
		floor = u.marks[len(u.marks)-1]
	}
	if len(u.stack) <= floor {
		u.refuse("a value is missing on the stack")
		return nil
	}
	value := u.stack[len(u.stack)-1]
	u.stack = u.stack[:len(u.stack)-1]
	return value
}

func (u *unpickler) mark() {
	if len(u.marks) == maxPickleStack {
		u.refuse("more than %d marks on the stack", maxPickleStack)
		return
	}
	u.marks = append(u.marks, len(u.stack))
}

// popMark takes everything above the last mark, and the mark.
func (u *unpickler) popMark() []any {
	if len(u.marks) == 0 {
		u.refuse("a mark is missing on the stack")
		return nil
	}
	height := u.marks[len(u.marks)-1]
	u.marks = u.marks[:len(u.marks)-1]
	items := slices.Clone(u.stack[height:])
	u.stack = u.stack[:height]
	return items
}

func (u *unpickler) put(place uint32) {
	value := u.pop()
	u.push(value)
	u.memo[place] = value
}

func (u *unpickler) get(place uint32) {
	value, ok := u.memo[place]
	if !ok {
		u.refuse("nothing was put at %d", place)
	}
	u.push(value)
}

func (u *unpickler) protocol() {
	if version := u.u8(); version > 5 {
		u.refuse("protocol %d, at most 5 is known", version)
	}
}

// long reads an integer of up to 8 bytes, little-endian in two's complement.
func (u *unpickler) long() {
	b := u.bytes(uint64(u.u8()))
	if len(b) > 8 {
		u.refuse("an integer of %d bytes", len(b))
		return
	}
	value := int64(0)
	for i, digit := range b {
		value |= int64(digit) << (8 * i)
	}
	unused := 64 - 8*len(b)
	u.push(value << unused >> unused)
}

func (u *unpickler) float() {
	if b := u.bytes(8); b != nil {
		u.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	}
}

func (u *unpickler) pushText(length uint64) {
	if length > maxPickleText {
		u.refuse("a string of %d bytes, at most %d are supported", length, maxPickleText)
		return
	}
	u.push(u.text(length))
}

func (u *unpickler) tuple(length int) {
	items := make(pickleTuple, length)
	for i := range items {
		items[length-1-i] = u.pop()
	}
	u.push(items)
}

func (u *unpickler) appendItems(items []any) {
	value := u.pop()
	list, ok := value.(*pickleList)
	if !ok {
		u.refuse("appends to %s instead of a list", kind(value))
		return
	}
	list.items = append(list.items, items...)
	u.push(list)
}

// setItems adds keys and values, one after the other in items.
func (u *unpickler) setItems(items []any) {
	value := u.pop()
	dict, ok := value.(*pickleDict)
	if !ok {
		u.refuse("sets an item of %s instead of a dictionary", kind(value))
		return
	}
	if len(items)%2 != 0 {
		u.refuse("a key has no value")
		return
	}
	for i := 0; i < len(items); i += 2 {
		dict.keys = append(dict.keys, items[i])
		dict.values = append(dict.values, items[i+1])
	}
	u.push(dict)
}
