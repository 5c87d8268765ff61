package weights

import (
	"cmp"
	"fmt"
	"slices"
)

// extent is the place of a tensor's bytes in a file's data section.
type extent struct {
	name       string
	begin, end uint64 // begin <= end
}

// sortExtents orders extents by place; empty ones come before what begins at the same byte.
func sortExtents(extents []extent) {
	slices.SortFunc(extents, func(a, b extent) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
}

// checkApart reports two extents of a sorted list that share bytes.
func checkApart(sorted []extent) error {
	for i := 1; i < len(sorted); i++ {
		if before, e := sorted[i-1], sorted[i]; e.begin < before.end {
			return fmt.Errorf("tensors %q and %q overlap", brief(before.name), brief(e.name))
		}
	}
	return nil
}

// checkGapless reports bytes of a data section of the given size that a sorted list of extents leaves
// out or uses twice.
func checkGapless(sorted []extent, size uint64) error {
	if err := checkApart(sorted); err != nil {
		return err
	}
	end := uint64(0)
	for _, e := range sorted {
		if e.begin != end {
			return fmt.Errorf("bytes %d to %d before tensor %q belong to no tensor", end, e.begin, brief(e.name))
		}
		end = e.end
	}
	if end != size {
		return fmt.Errorf("the tensors end at byte %d of the data, the file at %d", end, size)
	}
	return nil
}
