package opus

import "errors"

// Grain is the shortest packet, 2.5 ms in 48 kHz samples: all are multiples of it.
const Grain = 120

// maxMoments is the longest packet, 120 ms.
const maxMoments = Rate * 120 / 1000

var errPacket = errors.New("a packet is malformed")

// frameMoments are the durations of RFC 6716, table 2, in 48 kHz samples, by the upper five bits of a packet.
func frameMoments(config byte) int {
	switch {
	case config < 12: // SILK
		return []int{480, 960, 1920, 2880}[config%4]
	case config < 16: // hybrid
		return []int{480, 960}[config%2]
	default: // CELT
		return Grain << (config % 4)
	}
}

// Moments returns how long a packet is in 48 kHz samples.
func Moments(packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, errPacket
	}
	count := 1
	switch packet[0] & 3 {
	case 1, 2:
		count = 2
	case 3:
		if len(packet) < 2 {
			return 0, errPacket
		}
		count = int(packet[1] & 63)
	}
	if total := count * frameMoments(packet[0]>>3); count > 0 && total <= maxMoments {
		return total, nil
	}
	return 0, errPacket
}

// empty tells whether a packet holds no frame of any length: its encoder had nothing to say (DTX).
func empty(packet []byte) bool {
	switch packet[0] & 3 {
	case 0, 1:
		return len(packet) == 1
	case 2:
		return len(packet) == 2 && packet[1] == 0
	default:
		return len(packet) == 2 && packet[1]&0xc0 == 0
	}
}

// split takes the first of several packets, which says its own length (RFC 6716, appendix B), and makes it one that does not.
func split(data []byte) (packet, rest []byte, err error) {
	s := splitter{rest: data}
	toc := s.byte()
	packet = []byte{toc}
	size := 0
	switch toc & 3 {
	case 0:
		size = s.length(nil)
	case 1:
		size = 2 * s.length(nil)
	case 2:
		size = s.length(&packet)
		size += s.length(nil)
	case 3:
		size = s.manyFrames(&packet)
	}
	packet = append(packet, s.take(size)...)
	if s.failed {
		return nil, nil, errPacket
	}
	return packet, s.rest, nil
}

// splitter takes bytes from the front.
type splitter struct {
	rest   []byte
	failed bool
}

func (s *splitter) take(n int) []byte {
	if n > len(s.rest) {
		s.failed = true
		return nil
	}
	part := s.rest[:n]
	s.rest = s.rest[n:]
	return part
}

func (s *splitter) byte() byte {
	if part := s.take(1); part != nil {
		return part[0]
	}
	return 0
}

// length takes the length of a frame, one byte or two, and copies it to a packet where it stays.
func (s *splitter) length(packet *[]byte) int {
	first := s.byte()
	length := int(first)
	code := []byte{first}
	if first >= 252 {
		second := s.byte()
		length += 4 * int(second)
		code = append(code, second)
	}
	if packet != nil {
		*packet = append(*packet, code...)
	}
	return length
}

// manyFrames takes the head of a packet of code 3 and returns how many bytes of frames and padding follow. Of the lengths only the
// last frame's is left out: a packet without its own length ends there.
func (s *splitter) manyFrames(packet *[]byte) (size int) {
	head := s.byte()
	*packet = append(*packet, head)
	count := int(head & 63)
	if head&64 != 0 {
		for more := byte(255); more == 255 && !s.failed; {
			more = s.byte()
			*packet = append(*packet, more)
			size += min(int(more), 254)
		}
	}
	if count == 0 {
		s.failed = true
		return 0
	}
	if head&128 == 0 {
		return size + count*s.length(nil)
	}
	for range count - 1 {
		size += s.length(packet)
	}
	return size + s.length(nil)
}
