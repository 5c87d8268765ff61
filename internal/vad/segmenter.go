package vad

const frameTime = 10 // ms from one frame, and row of features, to the next

// window turns single frames into a state that does not flicker: speech begins when enough of the latest frames
// are speech, and ends when too few are.
type window struct {
	flags   []bool // a ring
	oldest  int
	count   int // of set flags
	on, off int // counts that turn speech on (at least) and off (at most)
	speech  bool
}

func newWindow(o *Options) window {
	return window{
		flags: make([]bool, o.WindowSize/frameTime),
		on:    o.SilToSpeechTimeThres / frameTime,
		off:   o.SpeechToSilTimeThres / frameTime,
	}
}

func (w *window) reset() {
	clear(w.flags)
	w.oldest, w.count, w.speech = 0, 0, false
}

// add moves the window by a frame and returns the new state.
func (w *window) add(speech bool) bool {
	if w.flags[w.oldest] {
		w.count--
	}
	if speech {
		w.count++
	}
	w.flags[w.oldest] = speech
	w.oldest = (w.oldest + 1) % len(w.flags)
	if w.speech {
		w.speech = w.count > w.off
	} else {
		w.speech = w.count >= w.on
	}
	return w.speech
}

// segmenter makes segments of frames. Its fields count frames.
//
//	outside --- the window turns to speech ---> inside a segment
//	inside ---- silence long enough, segment too long, or end of the sound ---> outside, the window empty
type segmenter struct {
	options Options
	window  window

	frames  int64 // seen so far
	floor   int64 // the end of the latest segment: the next one cannot begin before it
	inside  bool
	start   int64 // of the segment that is inside
	silence int   // since the window turned to silence, the frame at which it did not counted
}

func newSegmenter(o Options) segmenter {
	return segmenter{options: o, window: newWindow(&o)}
}

func (s *segmenter) reset() {
	s.window.reset()
	*s = segmenter{options: s.options, window: s.window}
}

// step takes the next frame and returns the event that it brings, if it brings one.
func (s *segmenter) step(speech bool) (event Event, happened bool) {
	frame := s.frames
	earliest := s.earliest()
	s.frames++
	before := s.window.speech
	now := s.window.add(speech)
	if before || now {
		s.silence = 0
	} else {
		s.silence++
	}
	switch {
	case !s.inside && now:
		s.inside, s.start = true, earliest
		return Event{Segment: Segment{Start: s.start * frameTime}}, true
	case !s.inside:
		return Event{}, false
	}
	length := int(frame-s.start+1) * frameTime
	wait := max(s.endSilence(length)-s.options.SpeechToSilTimeThres, 0)
	switch {
	case s.silence > 0 && s.silence*frameTime >= wait && !s.holds(wait):
		surplus := max(wait/frameTime-s.options.LookaheadTimeEndPoint/frameTime-1, 0)
		return s.end(frame - int64(surplus)), true
	case length > s.options.MaxSingleSegmentTime:
		return s.end(frame), true
	}
	return Event{}, false
}

// holds tells whether a segment goes on although the silence has lasted, since another word may have begun: the end empties the window,
// and what is left of a short word does not fill it again. Two windows are what such a word needs to come and to go.
func (s *segmenter) holds(wait int) bool {
	return s.options.HoldEnd && s.window.count > 0 && s.silence*frameTime < wait+2*s.options.WindowSize
}

// flush ends the segment that is inside, if there is one, with the sound itself.
func (s *segmenter) flush() (event Event, happened bool) {
	if !s.inside {
		return Event{}, false
	}
	return s.end(s.frames - 1), true
}

// earliest returns the frame at which a segment begins that the next frame starts; inside a segment, its own.
func (s *segmenter) earliest() int64 {
	if s.inside {
		return s.start
	}
	back := len(s.window.flags) + s.options.LookbackTimeStartPoint/frameTime
	return max(s.floor, s.frames-int64(back))
}

// endSilence returns the silence that ends a segment of the given length, both in milliseconds.
func (s *segmenter) endSilence(length int) int {
	silence := s.options.MaxEndSilenceTime
	for _, step := range s.options.SilenceSchedule {
		if length > step.After {
			silence = step.MaxEndSilenceTime
		}
	}
	return silence
}

func (s *segmenter) end(last int64) Event {
	s.inside, s.silence, s.floor = false, 0, last+1
	s.window.reset()
	return Event{Segment: Segment{Start: s.start * frameTime, End: s.floor * frameTime}, Ended: true}
}
