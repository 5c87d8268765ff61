package modelstore

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Hub is a web site that models come from.
type Hub string

// The hubs.
const (
	HuggingFace Hub = "huggingface"
	ModelScope  Hub = "modelscope"
)

// Endpoints are the addresses of the hubs or their mirrors, without a slash at the end.
type Endpoints struct {
	HuggingFace, ModelScope string
}

func (e Endpoints) orPublic() Endpoints {
	return Endpoints{
		HuggingFace: cmp.Or(e.HuggingFace, "https://huggingface.co"),
		ModelScope:  cmp.Or(e.ModelScope, "https://modelscope.cn"),
	}
}

// EndpointsFromEnv reads the variables that the hubs' own programs know: HF_ENDPOINT, a URL, and
// MODELSCOPE_DOMAIN, a host or a URL. What is not set is the public hub.
func EndpointsFromEnv(getenv func(string) string) (Endpoints, error) {
	var e Endpoints
	if text := getenv("HF_ENDPOINT"); text != "" {
		u, err := parseURL(text)
		if err != nil {
			return e, fmt.Errorf("HF_ENDPOINT: %w", err)
		}
		e.HuggingFace = strings.TrimRight(u.String(), "/")
	}
	if text := getenv("MODELSCOPE_DOMAIN"); text != "" {
		if !strings.Contains(text, "://") {
			text = "https://" + text
		}
		u, err := parseURL(text)
		if err != nil {
			return e, fmt.Errorf("MODELSCOPE_DOMAIN: %w", err)
		}
		e.ModelScope = strings.TrimRight(u.String(), "/")
	}
	return e.orPublic(), nil
}

// fileURL returns the address of a file in a repository.
func (e Endpoints) fileURL(hub Hub, repository, file string) string {
	if hub == ModelScope {
		return e.ModelScope + "/models/" + repository + "/resolve/master/" + file
	}
	return e.HuggingFace + "/" + repository + "/resolve/main/" + file
}

// Known is a model that pull knows by name.
type Known struct {
	Name        string
	Description string
	Aliases     []string // other names, in any case
	files       map[Hub][]knownFile
}

// Hubs returns where the model can be pulled from.
func (k Known) Hubs() []Hub {
	var hubs []Hub
	for _, hub := range []Hub{HuggingFace, ModelScope} {
		if len(k.files[hub]) > 0 {
			hubs = append(hubs, hub)
		}
	}
	return hubs
}

// knownFile is a file of a known model. Size and sha256 are those of the release, where they are known.
type knownFile struct {
	repository, name string
	size             int64
	sha256           string
	optional         bool // not needed to recognise speech: a hub may lack it
}

// Catalogue returns the models that pull knows by name.
func Catalogue() []Known {
	return []Known{
		{
			Name: "sensevoice-small", Description: "SenseVoiceSmall as released, 32-bit (936 MB)",
			Aliases: []string{"SenseVoiceSmall", "iic/SenseVoiceSmall", "FunAudioLLM/SenseVoiceSmall"},
			files: map[Hub][]knownFile{
				HuggingFace: releasedFiles("FunAudioLLM/SenseVoiceSmall"),
				ModelScope:  releasedFiles("iic/SenseVoiceSmall"),
			},
		},
		{
			Name: "sensevoice-small-q8", Description: "SenseVoiceSmall in 8 bits (254 MB)",
			Aliases: []string{"SenseVoiceSmall-GGUF", "FunAudioLLM/SenseVoiceSmall-GGUF"},
			files: map[Hub][]knownFile{
				// The GGUF's own normalisation is wrong (see cmvnOf), hence the original's beside it.
				HuggingFace: {
					{repository: "FunAudioLLM/SenseVoiceSmall", name: "am.mvn"},
					{repository: "FunAudioLLM/SenseVoiceSmall-GGUF", name: "sensevoice-small-q8.gguf"},
				},
				ModelScope: {
					{repository: "iic/SenseVoiceSmall", name: "am.mvn"},
					{repository: "FunAudioLLM/SenseVoiceSmall-GGUF", name: "sensevoice-small-q8.gguf"},
				},
			},
		},
		{
			Name: "fsmn-vad", Description: "FSMN-VAD, which finds speech (1.7 MB)",
			Aliases: []string{"FunAudioLLM/fsmn-vad-GGUF", "iic/speech_fsmn_vad_zh-cn-16k-common-pytorch"},
			files: map[Hub][]knownFile{
				HuggingFace: {{repository: "FunAudioLLM/fsmn-vad-GGUF", name: "fsmn-vad.gguf"}},
				ModelScope: {
					{repository: "iic/speech_fsmn_vad_zh-cn-16k-common-pytorch", name: "am.mvn"},
					{repository: "iic/speech_fsmn_vad_zh-cn-16k-common-pytorch", name: "model.pt"},
				},
			},
		},
	}
}

// releasedFiles are those of the original model, the large one last: what is wrong shows early.
func releasedFiles(repository string) []knownFile {
	return []knownFile{
		{repository: repository, name: "configuration.json", optional: true},
		{repository: repository, name: "config.yaml", optional: true},
		{repository: repository, name: "am.mvn"},
		{
			repository: repository, name: "chn_jpn_yue_eng_ko_spectok.bpe.model",
			size: 377_341, sha256: "aa87f86064c3730d799ddf7af3c04659151102cba548bce325cf06ba4da4e6a8",
		},
		{
			repository: repository, name: "model.pt",
			size: 936_291_369, sha256: "833ca2dcfdf8ec91bd4f31cfac36d6124e0c459074d5e909aec9cabe6204a3ea",
		},
	}
}

// Lookup finds a known model by its name or an alias, in any case.
func Lookup(name string) (Known, bool) {
	for _, k := range Catalogue() {
		same := func(alias string) bool { return strings.EqualFold(alias, name) }
		if same(k.Name) || slices.ContainsFunc(k.Aliases, same) {
			return k, true
		}
	}
	return Known{}, false
}

// wantedFile is a file to be pulled.
type wantedFile struct {
	name     string
	url      string
	size     int64  // bytes, -1 if not known beforehand
	sha256   string // "" if not known beforehand
	optional bool
}

// plan is a model to be pulled.
type plan struct {
	name  string
	files []wantedFile
}

// plan finds out what a user wants pulled.
func (s *Store) plan(o PullOptions) (*plan, error) {
	if strings.Contains(o.Model, "://") {
		return planURL(o)
	}
	k, ok := Lookup(o.Model)
	if !ok {
		return nil, fmt.Errorf("unknown model %q: there are %s; else give the URL of a file", clip(o.Model), knownNames())
	}
	if o.Name != "" {
		return nil, fmt.Errorf("model %s keeps its name: a name can be chosen for a URL only", k.Name)
	}
	hub := cmp.Or(o.From, HuggingFace)
	if len(k.files[hub]) == 0 {
		return nil, fmt.Errorf("unknown hub %q: model %s can be pulled from %v", clip(string(hub)), k.Name, k.Hubs())
	}
	p := &plan{name: k.Name}
	for _, f := range k.files[hub] {
		w := wantedFile{name: f.name, url: s.endpoints.fileURL(hub, f.repository, f.name), size: -1, sha256: f.sha256, optional: f.optional}
		if f.sha256 != "" {
			w.size = f.size
		}
		p.files = append(p.files, w)
	}
	return p, nil
}

func knownNames() string {
	var names []string
	for _, k := range Catalogue() {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

// planURL plans to pull a single file.
func planURL(o PullOptions) (*plan, error) {
	if o.From != "" {
		return nil, fmt.Errorf("a URL says where to pull from: leave out %q", clip(string(o.From)))
	}
	u, err := parseURL(o.Model)
	if err != nil {
		return nil, err
	}
	if strings.Contains(u.Path, "/blob/") && strings.HasPrefix(u.Host, "huggingface.co") {
		return nil, fmt.Errorf("%s is the page about a file: for the file itself, write /resolve/ instead of /blob/", u.Redacted())
	}
	file := fileNameOf(u)
	if err := checkFileName(file); err != nil {
		return nil, fmt.Errorf("%s names no file: %w", u.Redacted(), err)
	}
	name := o.Name
	if name == "" {
		name = strings.ToLower(strings.TrimSuffix(file, path.Ext(file)))
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	if name == EmbeddedName {
		return nil, fmt.Errorf("%q is the model in the program: choose another name for %s", name, u.Redacted())
	}
	if k, taken := Lookup(name); taken {
		return nil, fmt.Errorf("%q is the name of a known model: choose another name for %s", k.Name, u.Redacted())
	}
	return &plan{name: name, files: []wantedFile{{name: file, url: u.String(), size: -1}}}, nil
}

// parseURL accepts absolute http and https URLs.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a URL", clip(text))
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q: want a URL that begins with https:// or http://", clip(u.Redacted()))
	}
	u.Fragment = ""
	return u, nil
}

var unfitForName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// fileNameOf takes a file's name from the last part of a URL's path, with dashes for what a name in the store may not have.
func fileNameOf(u *url.URL) string {
	last := path.Base(u.Path)
	return strings.TrimLeft(unfitForName.ReplaceAllString(last, "-"), "._-")
}
