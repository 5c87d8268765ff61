package modelstore

import (
	_ "embed"

	"sensevoice/internal/weights"
)

// EmbeddedName is what the model in the program is called. It knows a few dozen words in five languages: see
// docs/embedded-model.md.
const EmbeddedName = "embedded"

//go:embed embedded/sensevoice-tiny.safetensors
var embeddedSenseVoice []byte

func openEmbedded() (*Model, error) {
	w, err := weights.OpenBytes(EmbeddedName, embeddedSenseVoice)
	if err != nil {
		return nil, err
	}
	return newModel(EmbeddedName, w, "")
}
