//go:build race

package enginetest

// Under the race detector everything takes ten times as long, and the largest sizes show nothing new to it.
const (
	mostRows         = 100
	largeVocabulary  = 2000
	attentionRepeats = 1
	mostProducts     = 1e5 // of a linear layer
)
