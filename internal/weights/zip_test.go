package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// buildZip stores entries with archive/zip, names and contents in turn.
func buildZip(t testing.TB, remark string, entries ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := 0; i < len(entries); i += 2 {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: entries[i], Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write([]byte(entries[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.SetComment(remark); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// to64 moves the numbers of an archive of one entry to where they stand in archives of more than 4 GB:
// an extra field of the entry, and a second record at the end.
func to64(data []byte) []byte {
	end := len(data) - zipEndSize
	directory := int(binary.LittleEndian.Uint32(data[end+16:]))
	entry := bytes.Clone(data[directory:end])
	size, local := binary.LittleEndian.Uint32(entry[24:]), binary.LittleEndian.Uint32(entry[42:])
	for _, field := range []int{20, 24, 42} {
		binary.LittleEndian.PutUint32(entry[field:], 0xffffffff)
	}
	binary.LittleEndian.PutUint16(entry[30:], 4+4+28)
	entry = append(entry, 0xfe, 0xca, 0, 0) // an extra field of another kind stands before
	entry = append(entry, zipExtra64, 0, 24, 0)
	for _, number := range []uint32{size, size, local} {
		entry = binary.LittleEndian.AppendUint64(entry, uint64(number))
	}
	entry = append(entry, 0, 0, 0, 0) // and one behind

	out := append(bytes.Clone(data[:directory]), entry...)
	record := len(out)
	out = append(out, zipEnd64Mark...)
	out = append(out, make([]byte, zipEnd64Size-4)...)
	binary.LittleEndian.PutUint64(out[record+32:], 1)
	binary.LittleEndian.PutUint64(out[record+40:], uint64(len(entry)))
	binary.LittleEndian.PutUint64(out[record+48:], uint64(directory))
	out = append(out, zipLocatorMark...)
	out = append(out, make([]byte, zipLocatorSize-4)...)
	binary.LittleEndian.PutUint64(out[record+zipEnd64Size+8:], uint64(record))
	last := len(out)
	out = append(out, data[end:]...)
	for i := last + 8; i < last+20; i++ {
		out[i] = 0xff
	}
	return out
}

func TestZip(t *testing.T) {
	plain := buildZip(t, "", "a/data.pkl", "hello")
	for name, data := range map[string][]byte{
		"plain":         plain,
		"with a remark": buildZip(t, "a remark with PK\x05\x06 in it and more than 22 bytes", "a/data.pkl", "hello"),
		"64 bits":       to64(plain),
	} {
		t.Run(name, func(t *testing.T) {
			archive, err := openZip(data)
			if err != nil {
				t.Fatal(err)
			}
			content, place, found, err := archive.open("a/data.pkl")
			if err != nil || !found || string(content) != "hello" || !bytes.HasPrefix(data[place:], content) {
				t.Errorf("%q at %d, %v, %v", content, place, found, err)
			}
			if _, _, found, err := archive.open("b"); found || err != nil {
				t.Errorf("absent entry: %v, %v", found, err)
			}
		})
	}
}

// TestZipDamage changes a byte or more of an archive of one entry.
func TestZipDamage(t *testing.T) {
	const name = "a/data.pkl"
	good := buildZip(t, "", name, "hello")
	end := len(good) - zipEndSize
	entry := int(binary.LittleEndian.Uint32(good[end+16:]))
	wide := to64(good)
	wideEnd := len(wide) - zipEndSize
	for _, test := range []struct {
		name  string
		data  []byte
		place int
		bytes string
		want  string
	}{
		{"more entries than bytes", good, end + 10, "\xff\xff", "65535 zip entries cannot be"},
		{"fewer entries", good, end + 10, "\x02\x00", "2 zip entries cannot be"},
		{"directory outside", good, end + 16, "\xff\xff\xff\x00", "is outside the file"},
		{"directory too long", good, end + 12, "\xff\xff\xff\xff", "is outside the file"},
		{"directory elsewhere", good, end + 16, "\x00\x00\x00\x00", "a directory entry was expected"},
		{"entry without mark", good, entry, "XX", "a directory entry was expected"},
		{"encrypted", good, entry + 8, "\x09", "is encrypted"},
		{"sizes differ", good, entry + 20, "\x04", "is compressed"},
		{"size past the end", good, entry + 20, "\xff\xff\x00\x00\xff\xff\x00\x00", "runs past the end"},
		{"name past the end", good, entry + 28, "\xff\xff", "truncated"},
		{"local header past the end", good, entry + 42, "\xff\xff\xff\x7f", "begins past the end"},
		{"local header elsewhere", good, entry + 42, "\x01", "was expected here"},
		{"local name differs", good, zipLocalSize, "b", `"b/data.pkl" is called "a/data.pkl"`},
		{"local extra past the end", good, 28, "\xff\xff", "truncated"},
		{"64 bits without field", good, entry + 20, "\xff\xff\xff\xff\xff\xff\xff\xff", "runs past the end"},
		{"64-bit record elsewhere", wide, wideEnd - zipLocatorSize + 8, "\x00", "not where it should be"},
		{"64-bit record past the end", wide, wideEnd - zipLocatorSize + 8, "\xff\xff\xff\xff\xff\xff\xff\xff", "not where it should be"},
		{"64-bit count", wide, wideEnd - zipLocatorSize - zipEnd64Size + 32, "\x00\x00\x00\x00\x01", "entries, at most 65536"},
		{"64-bit offset", wide, wideEnd - zipLocatorSize - zipEnd64Size + 48, "\xff\xff\xff\xff\xff\xff\xff\xff", "is outside the file"},
		{"64-bit field too short", wide, entry + zipEntrySize + len(name) + 6, "\x08", "truncated"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := bytes.Clone(test.data)
			copy(data[test.place:], test.bytes)
			archive, err := openZip(data)
			if err == nil {
				_, _, _, err = archive.open(name)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestZipDuplicates(t *testing.T) {
	data := buildZip(t, "", "a/data.pkl", "N.", "a/data.pkl", "N.")
	if _, err := OpenBytes("m.pt", data); err == nil || !strings.Contains(err.Error(), `two entries are named "a/data.pkl"`) {
		t.Errorf("error is %v", err)
	}
	data = buildZip(t, "", "a/data.pkl", "N.", "b/data.pkl", "N.")
	if _, err := OpenBytes("m.pt", data); err == nil || !strings.Contains(err.Error(), "data.pkl is in 2 folders") {
		t.Errorf("error is %v", err)
	}
}
