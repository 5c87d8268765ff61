package mem

import "errors"

// space is where an arena's memory lies: mapped into one range of addresses, or in blocks where the device cannot map.
type space interface {
	open() error // takes weights and floor
	// extend makes the workspace at least need bytes large, or as large as room more bytes let it be.
	extend(need, room uint64) error
	// shrink gives back what lies beyond need bytes of workspace, as far as that can be done.
	shrink(need uint64) error
	shut() error // gives everything back
	close() error

	weights() uint64
	workspace() (address, bytes uint64)
	held() uint64
}

// mapped is a space in one reservation: weights, floor and pieces, each mapped by itself, end to end.
type mapped struct {
	device             Device
	granule            uint64
	base, reserved     uint64
	weightSize, floor  uint64 // rounded to granules
	opened, floorTaken bool
	pieces             []uint64
}

func newMapped(d Device, l Limits) (*mapped, error) {
	m := &mapped{device: d, granule: d.Granularity()}
	m.weightSize, m.floor = roundUp(l.Weights, m.granule), roundUp(l.Floor, m.granule)
	m.reserved = max(below(l.Cap, l.Overhead)/m.granule*m.granule, m.weightSize+m.floor)
	var err error
	m.base, err = d.Reserve(m.reserved)
	return m, err
}

func (m *mapped) open() error {
	if err := m.device.Map(m.base, m.weightSize); err != nil {
		return err
	}
	m.opened = true
	if err := m.device.Map(m.base+m.weightSize, m.floor); err != nil {
		return errors.Join(err, m.shut())
	}
	m.floorTaken = true
	return nil
}

func (m *mapped) extend(need, room uint64) error {
	_, have := m.workspace()
	if need <= have {
		return nil
	}
	most := min(room, below(m.reserved, m.held())) / m.granule * m.granule
	grow := min(roundUp(max(need-have, piece), m.granule), most)
	if grow == 0 {
		return nil
	}
	if err := m.device.Map(m.base+m.held(), grow); err != nil {
		return err
	}
	m.pieces = append(m.pieces, grow)
	return nil
}

func (m *mapped) shrink(need uint64) error {
	for len(m.pieces) > 0 {
		last := m.pieces[len(m.pieces)-1]
		if _, have := m.workspace(); have-last < need {
			return nil
		}
		if err := m.device.Unmap(m.base+m.held()-last, last); err != nil {
			return err
		}
		m.pieces = m.pieces[:len(m.pieces)-1]
	}
	return nil
}

func (m *mapped) shut() error {
	if err := m.shrink(0); err != nil {
		return err
	}
	if m.floorTaken {
		if err := m.device.Unmap(m.base+m.weightSize, m.floor); err != nil {
			return err
		}
		m.floorTaken = false
	}
	if m.opened {
		if err := m.device.Unmap(m.base, m.weightSize); err != nil {
			return err
		}
		m.opened = false
	}
	return nil
}

func (m *mapped) close() error {
	if err := m.shut(); err != nil {
		return err
	}
	return m.device.Unreserve(m.base, m.reserved)
}

func (m *mapped) weights() uint64 { return m.base }

func (m *mapped) workspace() (address, bytes uint64) {
	return m.base + m.weightSize, below(m.held(), m.weightSize)
}

func (m *mapped) held() uint64 {
	sum := uint64(0)
	if m.opened {
		sum += m.weightSize
	}
	if m.floorTaken {
		sum += m.floor
	}
	for _, p := range m.pieces {
		sum += p
	}
	return sum
}

// blocks is a space for devices that cannot map: three blocks, of which the third, when it is there, is the workspace instead of
// the floor. To grow it goes back first and is taken anew, larger; the floor stays meanwhile, and afterwards if that fails.
type blocks struct {
	device                              Device
	weightSize, floor                   uint64
	weightBlock, floorBlock, largeBlock uint64 // addresses; 0: not taken
	large                               uint64 // bytes of largeBlock
}

func newBlocks(d Device, l Limits) *blocks {
	return &blocks{device: d, weightSize: roundUp(l.Weights, align), floor: roundUp(l.Floor, align)}
}

func (b *blocks) open() error {
	weights, err := b.device.Alloc(b.weightSize)
	if err != nil {
		return err
	}
	b.weightBlock = weights
	floor, err := b.device.Alloc(b.floor)
	if err != nil {
		return errors.Join(err, b.shut())
	}
	b.floorBlock = floor
	return nil
}

func (b *blocks) extend(need, room uint64) error {
	size := min(roundUp(need, align), (b.large+room)/align*align)
	if size <= max(b.floor, b.large) {
		return nil
	}
	if err := b.shrink(0); err != nil {
		return err
	}
	address, err := b.device.Alloc(size)
	if err != nil {
		return err
	}
	b.largeBlock, b.large = address, size
	return nil
}

func (b *blocks) shrink(need uint64) error {
	if b.large == 0 || need > b.floor {
		return nil
	}
	if err := b.device.Free(b.largeBlock); err != nil {
		return err
	}
	b.largeBlock, b.large = 0, 0
	return nil
}

func (b *blocks) shut() error {
	if err := b.shrink(0); err != nil {
		return err
	}
	for _, block := range []*uint64{&b.floorBlock, &b.weightBlock} {
		if *block == 0 {
			continue
		}
		if err := b.device.Free(*block); err != nil {
			return err
		}
		*block = 0
	}
	return nil
}

func (b *blocks) close() error { return b.shut() }

func (b *blocks) weights() uint64 { return b.weightBlock }

func (b *blocks) workspace() (address, bytes uint64) {
	switch {
	case b.large > 0:
		return b.largeBlock, b.large
	case b.floorBlock != 0:
		return b.floorBlock, b.floor
	}
	return 0, 0
}

func (b *blocks) held() uint64 {
	sum := b.large
	if b.weightBlock != 0 {
		sum += b.weightSize
	}
	if b.floorBlock != 0 {
		sum += b.floor
	}
	return sum
}
