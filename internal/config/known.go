package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"sensevoice/internal/spelling"
)

// prefix is what the names of all variables of the server begin with.
const prefix = "SENSEVOICE_"

// others are variables that are no settings of Config, and what reads them.
var others = []string{
	"SENSEVOICE_CONFIG", "SENSEVOICE_ENV_FILE", // where settings are
	"SENSEVOICE_HOME", "SENSEVOICE_CPU", "SENSEVOICE_LANG", // the store of models, instructions, language of messages
	"SENSEVOICE_GPU_HELPER", "SENSEVOICE_NVML", "SENSEVOICE_LIBCUDA", // files of the GPU side that lie in unusual places
	"SENSEVOICE_REFERENCE", "SENSEVOICE_REQUIRE", "SENSEVOICE_STUB", // tests
	targetRate,
}

const targetRate = "SENSEVOICE_TARGET_SAMPLE_RATE"

// without are variables of the Python service that change nothing here, and why.
var without = map[string]string{
	"SENSEVOICE_AUDIO_BUFFER_DURATION":       "sound is kept until it is recognised, whatever its length",
	"SENSEVOICE_DEFAULT_CHUNK_DURATION":      "live speech is followed piece by piece; a client may set chunk_duration",
	"SENSEVOICE_ENABLE_EMOTION_TAGS":         "every reply has the text with emoji, with tags and without",
	"SENSEVOICE_ENABLE_LANGUAGE_TAGS":        "every reply has the text with emoji, with tags and without",
	"SENSEVOICE_ENABLE_STREAMING_ON_STARTUP": "one model serves files and streams, and is loaded at start",
	"TORCH_CUDNN_V8_API_ENABLED":             "no cuDNN is used",
}

// Variables returns the environment variables of all settings, by the keys of the settings.
func Variables() map[string][]string {
	all := map[string][]string{}
	for field := range reflect.TypeFor[Config]().Fields() {
		key := field.Tag.Get("name")
		if key == "" {
			key = strings.ToLower(field.Name)
		}
		all[strings.ReplaceAll(key, "-", "_")] = strings.Split(field.Tag.Get("setting"), ",")
	}
	return all
}

// Keys returns the keys that a YAML file may have, sorted.
func Keys() []string {
	var keys []string
	for key := range Variables() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Notes tells about variables that have no effect, or that nothing knows: a line each. A known variable with an
// impossible value is an error.
func Notes(s *Sources, names []string) ([]string, error) {
	known := slices.Clone(others)
	for _, variables := range Variables() {
		known = append(known, variables...)
	}
	var notes []string
	slices.Sort(names)
	for _, name := range names {
		if why, ok := without[name]; ok {
			notes = append(notes, fmt.Sprintf("%s has no effect here: %s", name, why))
		} else if strings.HasPrefix(name, prefix) && !slices.Contains(known, name) {
			notes = append(notes, fmt.Sprintf("%s is no setting%s", name, spelling.Hint(name, known)))
		}
	}
	if rate := s.Getenv(targetRate); rate != "" {
		if n, err := strconv.Atoi(rate); err != nil || n != 16000 {
			return notes, fmt.Errorf("%s is %q: the model listens at 16000 Hz and recordings of any rate are converted; set 16000 or remove it", targetRate, rate)
		}
	}
	return notes, nil
}
