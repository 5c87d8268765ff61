//go:build !race

package enginetest

const (
	mostRows         = 600
	largeVocabulary  = 25055
	attentionRepeats = 4
	mostProducts     = 3e6
)
