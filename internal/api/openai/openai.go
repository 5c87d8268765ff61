// Package openai serves the speech-to-text interface of OpenAI, with the further fields of FunASR's server of the same kind.
package openai

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sensevoice/internal/api"
)

// Routes returns the routes of this protocol.
func Routes(b *api.Backend) []api.Route {
	s := &service{Backend: b, created: time.Now().Unix()}
	return []api.Route{
		{Pattern: "POST /v1/audio/transcriptions", Shape: api.OpenAI, Handle: s.transcribe},
		{Pattern: "POST /v1/audio/translations", Shape: api.OpenAI, Handle: s.translate},
		{Pattern: "GET /v1/models", Shape: api.OpenAI, Handle: s.models},
		{Pattern: "GET /v1/models/{id...}", Shape: api.OpenAI, Handle: s.model},
	}
}

type service struct {
	*api.Backend
	created int64
}

// aliases are names that clients have for the model: those that it is published under, and OpenAI's, which many clients
// cannot change.
var aliases = []string{
	"sensevoice", "sensevoice-small", "SenseVoiceSmall", "iic/SenseVoiceSmall", "FunAudioLLM/SenseVoiceSmall",
	"whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe",
}

// names are all that a request may call the model, the loaded one's own first.
func (s *service) names() []string {
	own := filepath.Base(s.ModelName)
	return append([]string{own}, slices.DeleteFunc(slices.Clone(aliases), func(a string) bool { return a == own })...)
}

// checkModel refuses a model that is not here.
func (s *service) checkModel(name string) error {
	if name == "" || slices.Contains(s.names(), name) {
		return nil
	}
	return &api.Error{
		Status: http.StatusBadRequest, Code: "model_not_found", Reason: "bad request",
		Fields: []api.FieldError{{Field: "model", Message: "is none of " + strings.Join(s.names(), ", ") + ", which all mean the loaded model", Kind: "value_error"}},
	}
}

// Model is one that can be asked for.
type Model struct {
	ID      string `json:"id"`
	Object  string `json:"object"` // "model"
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func (s *service) describe(name string) Model {
	return Model{ID: name, Object: "model", Created: s.created, OwnedBy: "sensevoice"}
}

func (s *service) models(w http.ResponseWriter, _ *http.Request) error {
	list := []Model{}
	for _, name := range s.names() {
		list = append(list, s.describe(name))
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"object": "list", "data": list})
}

func (s *service) model(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("id")
	if !slices.Contains(s.names(), name) {
		return &api.Error{
			Status: http.StatusNotFound, Code: "model_not_found", Reason: "bad request",
			Message: "there is no such model; there are " + strings.Join(s.names(), ", "),
		}
	}
	return api.WriteJSON(w, http.StatusOK, s.describe(name))
}

func (s *service) translate(http.ResponseWriter, *http.Request) error {
	return &api.Error{
		Status: http.StatusBadRequest, Code: "unsupported_operation", Reason: "bad request",
		Message: "SenseVoice transcribes and does not translate; use /v1/audio/transcriptions",
	}
}
