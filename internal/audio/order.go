package audio

// vorbisOrder gives, for a number of channels, the places in the order of Vorbis (which Opus shares) of the channels in the order of
// WAV: left, right, centre, low frequencies, back, side. Other numbers have the same order in both.
var vorbisOrder = map[int][]int{
	3: {0, 2, 1}, 5: {0, 2, 1, 3, 4}, 6: {0, 2, 1, 5, 3, 4}, 7: {0, 2, 1, 6, 5, 3, 4}, 8: {0, 2, 1, 7, 5, 6, 3, 4},
}

// VorbisOrder returns where in the order of Vorbis the channels lie that are given in the order of WAV; nil where it is the same.
func VorbisOrder(channels int) []int { return vorbisOrder[channels] }
