package gpu

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"sensevoice/internal/lang"
)

// Visible is what CUDA_VISIBLE_DEVICES leaves of a machine's devices: cuda:N is Devices[N].
type Visible struct {
	Devices []Device
	Bad     string    // the entry that hid itself and all after it, as CUDA does; "" if there was none
	Why     lang.Text // what is wrong with it
	Hidden  []string  // the entries behind it
}

// VisibleOf applies CUDA_VISIBLE_DEVICES to what is there. Entries are numbers in CUDA's own order, or beginnings of UUIDs that fit
// one device only. An entry that fits none, or a device that was named before, hides itself and all after it.
func VisibleOf(s *Snapshot, setting *string) Visible {
	ordered := slices.DeleteFunc(slices.Clone(s.Devices), func(d Device) bool { return d.Ordinal < 0 || d.Cut })
	slices.SortStableFunc(ordered, func(a, b Device) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	if setting == nil {
		return Visible{Devices: ordered}
	}
	var v Visible
	entries := strings.Split(*setting, ",")
	for i, entry := range entries {
		entry = strings.TrimSpace(entry)
		if entry == "" && len(entries) == 1 {
			return v // set and empty: nothing is visible
		}
		d, why := find(s, ordered, entry)
		if why.Empty() && slices.ContainsFunc(v.Devices, func(o Device) bool { return o.UUID == d.UUID }) {
			why = lang.Sprintf("it is named twice", "重复出现")
		}
		if !why.Empty() {
			v.Bad, v.Why, v.Hidden = entry, why, entries[i+1:]
			return v
		}
		v.Devices = append(v.Devices, *d)
	}
	return v
}

func find(s *Snapshot, ordered []Device, entry string) (*Device, lang.Text) {
	if strings.HasPrefix(entry, "GPU-") || strings.HasPrefix(entry, "MIG-") {
		var found *Device
		for i := range s.Devices { // an instance may be named although CUDA does not list it by number
			d := &s.Devices[i]
			if d.Cut || !strings.HasPrefix(d.UUID, entry) {
				continue
			}
			if found != nil {
				return nil, lang.Sprintf("it fits more than one GPU", "匹配多个GPU")
			}
			found = d
		}
		if found == nil {
			return nil, lang.Sprintf("there is no such UUID", "没有这个UUID")
		}
		return found, lang.Text{}
	}
	n, err := strconv.Atoi(entry)
	if err != nil {
		return nil, lang.Sprintf("it is neither a number nor a UUID", "既不是编号也不是UUID")
	}
	for i := range ordered {
		if ordered[i].Ordinal == n {
			return &ordered[i], lang.Text{}
		}
	}
	return nil, lang.Sprintf("there is no such GPU", "没有这个GPU")
}
