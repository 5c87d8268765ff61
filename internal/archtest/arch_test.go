// Package archtest holds the rules of the architecture: who may import whom, who may use unsafe, and that
// every package says what it is for. It is a statement of policy: change a rule with its reason, not to make a build pass.
package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sensevoice/internal/golden"
)

// mayImport lists the rooms of this repository that each room may import. Sound knows nothing of models, the engine nothing
// of sound, and results nothing of how they came about.
var mayImport = map[string]string{
	"internal/archtest":       "",
	"internal/golden":         "",
	"internal/audio":          "",
	"internal/audio/source":   "internal/audio",
	"internal/audio/timeline": "",
	"internal/audio/resample": "internal/audio internal/kernel",
	"internal/audio/pcm":      "internal/audio internal/audio/source",
	"internal/audio/wav":      "internal/audio internal/audio/pcm internal/audio/source",
	"internal/audio/flac":     "internal/audio internal/audio/source",
	"internal/audio/mp3":      "internal/audio internal/audio/source internal/audio/timeline",
	"internal/audio/ogg":      "internal/audio internal/audio/source",
	"internal/audio/opus":     "internal/audio internal/audio/ogg internal/audio/timeline",
	"internal/audio/vorbis":   "internal/audio internal/audio/ogg internal/audio/timeline",
	"internal/audio/webm":     "internal/audio internal/audio/opus internal/audio/source internal/audio/timeline internal/audio/vorbis",
	"internal/audio/ffmpeg":   "internal/audio internal/audio/source internal/audio/wav",
	"internal/audio/decode": "internal/audio internal/audio/ffmpeg internal/audio/flac internal/audio/mp3 internal/audio/ogg" +
		" internal/audio/opus internal/audio/pcm internal/audio/resample internal/audio/source internal/audio/vorbis" +
		" internal/audio/wav internal/audio/webm",
	"internal/feature":           "",
	"internal/kernel":            "",
	"internal/weights":           "",
	"internal/engine":            "internal/weights",
	"internal/engine/cpu":        "internal/engine internal/kernel internal/weights",
	"internal/engine/enginetest": "internal/engine internal/weights",
	"internal/sensevoice":        "internal/engine internal/weights",
	"internal/token":             "",
	"internal/ctc":               "internal/token",
	"internal/transcript":        "internal/ctc internal/token",
	"internal/vad":               "internal/feature internal/kernel internal/weights",
	"internal/segment":           "",
	"internal/modelstore":        "internal/feature internal/sensevoice internal/token internal/weights",
	"internal/transcribe": "internal/audio internal/ctc internal/engine internal/feature internal/modelstore internal/segment" +
		" internal/kernel internal/sensevoice internal/token internal/transcript internal/vad",
	"internal/batch":          "internal/audio internal/engine internal/sensevoice internal/transcribe internal/transcript",
	"internal/bench":          "internal/audio internal/engine/cpu internal/kernel internal/modelstore internal/transcribe",
	"internal/lang":           "",
	"internal/clib":           "", // with what imports it, only in the helper program: it makes a program need glibc
	"internal/cuda/driver":    "internal/clib",
	"internal/cuda/stub":      "", // for tests only
	"internal/gpu":            "internal/lang",
	"internal/gpu/nvml":       "internal/clib",
	"internal/cuda":           "internal/cuda/driver internal/cuda/mem",
	"internal/cuda/kernel":    "internal/cuda/driver",
	"internal/cuda/smoke":     "internal/cuda internal/cuda/driver internal/cuda/kernel internal/cuda/mem internal/gpu internal/sensevoice",
	"internal/cuda/mem":       "internal/gpu internal/sensevoice",
	"internal/gpu/screen":     "internal/gpu internal/lang",
	"internal/doctor":         "internal/gpu internal/lang",
	"internal/worker":         "internal/sensevoice",
	"internal/worker/compute": "internal/sensevoice internal/worker",
	"internal/gpu/survey":     "internal/clib internal/cuda/driver internal/gpu internal/gpu/nvml",
	"internal/spelling":       "",
	"internal/config":         "internal/spelling",
	"internal/limit":          "",
	"internal/access":         "",
	"internal/spool":          "internal/limit",
	"internal/metrics":        "internal/batch",
	"internal/api": "internal/access internal/audio internal/audio/decode internal/batch internal/limit internal/metrics" +
		" internal/spelling internal/spool internal/token internal/transcribe internal/transcript internal/vad",
	"internal/api/socket": "internal/api",
	"internal/api/speech": "internal/api internal/audio internal/audio/decode internal/audio/pcm internal/audio/resample internal/batch" +
		" internal/metrics internal/transcribe internal/transcript",
	"internal/api/wsasr": "internal/api internal/api/socket internal/api/speech internal/audio internal/audio/decode internal/token" +
		" internal/transcribe internal/transcript",
	"internal/api/funasrws": "internal/api internal/api/socket internal/api/speech internal/audio internal/audio/decode internal/audio/pcm" +
		" internal/spool internal/token internal/transcribe internal/transcript",
	"internal/load":           "internal/audio internal/audio/decode",
	"internal/api/sockettest": "internal/api internal/api/apitest internal/audio/wav internal/golden", // for tests only
	"internal/tracing":        "",
	"internal/api/apitest": "internal/access internal/api internal/batch internal/engine/cpu internal/golden internal/kernel internal/limit" +
		" internal/metrics internal/modelstore internal/spool internal/transcribe internal/vad",
	"internal/api/asr":    "internal/api internal/transcript",
	"internal/api/openai": "internal/api internal/api/socket internal/api/speech internal/token internal/transcribe internal/transcript internal/vad",
	"internal/api/funasr": "internal/api internal/transcript",
	"internal/api/status": "internal/api internal/audio internal/audio/wav internal/batch internal/transcribe internal/transcript",
	"internal/api/gpus":   "internal/api internal/gpu internal/metrics internal/worker",
	"internal/api/pages":  "internal/api web",
	"internal/server":     "internal/api internal/limit",
}

// mayUseUnsafe gives the reason for each room that goes around the type system.
var mayUseUnsafe = map[string]string{
	"internal/kernel":     "passes slices to assembly",
	"internal/weights":    "views mapped bytes as numbers",
	"internal/sensevoice": "views made-up numbers as a file's bytes",
	"internal/modelstore": "asks Windows for free space and locks",
	"internal/clib":       "hands memory outside the Go heap to C libraries, so that their bindings need none",
}

func TestImports(t *testing.T) {
	rooms := parse(t)
	for room, files := range rooms {
		if strings.HasPrefix(room, "cmd/") {
			continue
		}
		allowed, known := mayImport[room]
		if !known {
			if !strings.HasPrefix(room, "internal/audio/") { // rooms of formats import audio and each other
				t.Errorf("%s is not in the table of rooms: add it with what it may import", room)
			}
			continue
		}
		for _, f := range files {
			for _, path := range imports(f) {
				inner, ours := strings.CutPrefix(path, "sensevoice/")
				if ours && !strings.Contains(" "+allowed+" ", " "+inner+" ") {
					t.Errorf("%s imports %s, which is not among what it may: %q", room, inner, allowed)
				}
				if path == "unsafe" && mayUseUnsafe[room] == "" {
					t.Errorf("%s uses unsafe without a reason in the table", room)
				}
				if path == "testing" && room != "internal/golden" && !strings.HasSuffix(room, "test") {
					t.Errorf("%s links the testing package into the program", room)
				}
			}
		}
	}
	for room := range mayImport {
		if rooms[room] == nil && room != "internal/archtest" {
			t.Errorf("the table has %s, which does not exist", room)
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for room, files := range parse(t) {
		comments := 0
		for _, f := range files {
			if f.Doc != nil {
				comments++
			}
		}
		if comments != 1 {
			t.Errorf("%s has %d package comments, want 1", room, comments)
		}
	}
}

func imports(f *ast.File) []string {
	var paths []string
	for _, spec := range f.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		paths = append(paths, path)
	}
	return paths
}

// parse reads all packages' files but tests: folder, from the root with slashes, to files.
func parse(t *testing.T) map[string][]*ast.File {
	t.Helper()
	rooms, set := map[string][]*ast.File{}, token.NewFileSet()
	root := golden.Root()
	for _, top := range []string{"cmd", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata"):
				return filepath.SkipDir
			case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			f, err := parser.ParseFile(set, path, nil, parser.ImportsOnly|parser.ParseComments)
			if err != nil {
				return err
			}
			room, err := filepath.Rel(root, filepath.Dir(path))
			rooms[filepath.ToSlash(room)] = append(rooms[filepath.ToSlash(room)], f)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(rooms) < 10 {
		t.Fatalf("only %d packages found under %s", len(rooms), root)
	}
	return rooms
}
