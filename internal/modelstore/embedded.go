package modelstore

import (
	_ "embed"

	"sensevoice/internal/weights"
)

// EmbeddedName is what the model in the program is called. It knows a few dozen words in five languages: see
// docs/embedded-model.md.
const EmbeddedName = "embedded"

var (
	//go:embed embedded/sensevoice-tiny.safetensors
	embeddedSenseVoice []byte
	//go:embed embedded/fsmn-vad-tiny.safetensors
	embeddedVAD []byte
)

func openEmbedded() (*Model, error) {
	w, err := weights.OpenBytes(EmbeddedName, embeddedSenseVoice)
	if err != nil {
		return nil, err
	}
	return newModel(EmbeddedName, w, "")
}

// EmbeddedVAD returns the weights of the FSMN-VAD in the program, with their normalisation, for vad.New. It is trained on the
// same recordings and voices as the embedded SenseVoice.
func EmbeddedVAD() (*weights.File, error) {
	return weights.OpenBytes(EmbeddedName+" VAD", embeddedVAD)
}
