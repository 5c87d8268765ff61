package vad

import "sensevoice/internal/feature"

// blockRows is the most rows that the network computes at once: enough to make reading the weights pay, few enough
// for the activations to stay in a second-level cache. A whole number of panels.
const blockRows = 32

// pad is the number of frames on either side of a row's own.
var pad = feature.VAD.Stack / 2

// score is what decides about a frame.
type score struct {
	silence float32 // probability
	energy  float32 // sum of the squared samples
}

// scorer gives the scores of a stream's frames. Between calls it keeps what later frames need of the past.
type scorer struct {
	model    *Model
	samples  []float32   // from where the next frame begins; less than a frame
	frames   []float32   // log-mel around the next row, up to 2·pad of them; the first frame stands in for those before it
	energies []float32   // of frames
	caches   [][]float32 // of each block's memory, see network.remember
}

func newScorer(m *Model) scorer {
	s := scorer{
		model:    m,
		samples:  make([]float32, 0, feature.VAD.FrameLength),
		frames:   make([]float32, 0, 2*pad*feature.VAD.Bins),
		energies: make([]float32, 0, 2*pad),
	}
	for i := range m.blocks {
		s.caches = append(s.caches, make([]float32, m.blocks[i].history()))
	}
	return s
}

func (s *scorer) reset() {
	s.samples, s.frames, s.energies = s.samples[:0], s.frames[:0], s.energies[:0]
	for _, c := range s.caches {
		clear(c)
	}
}

// next takes samples, as many as fit in one block, and returns the scores of the rows that they complete: those whose
// frame has pad more after it. The scores are valid until the workspace is used again.
func (s *scorer) next(samples []float32, ws *workspace) (taken int, scores []score) {
	held := copy(ws.samples, s.samples)
	taken = copy(ws.samples[held:], samples)
	sound := ws.samples[:held+taken]
	frames := feature.VAD.Frames(len(sound))
	s.samples = append(s.samples[:0], sound[frames*feature.VAD.FrameShift:]...)
	if frames == 0 {
		return taken, nil
	}
	first := s.load(ws)
	beginning := first == 0
	if beginning {
		first = pad
	}
	total := first + frames
	s.model.front.LogMel(ws.frames[first*feature.VAD.Bins:total*feature.VAD.Bins], sound, &ws.features)
	for i := range frames {
		ws.energies[first+i] = energy(sound[i*feature.VAD.FrameShift:][:feature.VAD.FrameLength])
	}
	if beginning {
		ws.repeat(pad, 0, pad)
	}
	return taken, s.score(total, ws)
}

// last returns the scores of the rows that still waited for frames after theirs: the last frame stands in for them.
func (s *scorer) last(ws *workspace) []score {
	held := s.load(ws)
	if held == 0 {
		return nil
	}
	ws.repeat(held-1, held, pad)
	return s.score(held+pad, ws)
}

// load puts the kept frames at the beginning of the workspace's and returns how many there are.
func (s *scorer) load(ws *workspace) int {
	copy(ws.frames, s.frames)
	return copy(ws.energies, s.energies)
}

// score runs the network over the rows that so many frames make, and keeps the frames that the next row needs.
func (s *scorer) score(frames int, ws *workspace) []score {
	rows := max(frames-2*pad, 0)
	scores := ws.scores[:rows]
	if rows > 0 {
		s.model.silence(scores, s.caches, ws)
	}
	for i := range scores {
		scores[i].energy = ws.energies[pad+i]
	}
	s.frames = append(s.frames[:0], ws.frames[rows*feature.VAD.Bins:frames*feature.VAD.Bins]...)
	s.energies = append(s.energies[:0], ws.energies[rows:frames]...)
	return scores
}

// energy returns the sum of the squares, added in four lanes so that no addition waits for the one before.
func energy(samples []float32) float32 {
	var a, b, c, d float32
	for ; len(samples) >= 4; samples = samples[4:] {
		a += samples[0] * samples[0]
		b += samples[1] * samples[1]
		c += samples[2] * samples[2]
		d += samples[3] * samples[3]
	}
	for _, x := range samples {
		a += x * x
	}
	return (a + b) + (c + d)
}
