package modelstore

import "testing"

// TestEmbeddedSize: both models together have 4 MB in the program.
func TestEmbeddedSize(t *testing.T) {
	const limit = 4 << 20
	if size := len(embeddedSenseVoice) + len(embeddedVAD); size > limit {
		t.Errorf("the embedded models have %d bytes, of %d", size, limit)
	}
}
