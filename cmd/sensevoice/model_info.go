package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sensevoice/internal/engine/cpu"
	"sensevoice/internal/kernel"
	"sensevoice/internal/modelstore"
	"sensevoice/internal/sensevoice"
	"sensevoice/internal/token"
)

type modelInfoCommand struct {
	Model string `arg:"" placeholder:"NAME|PATH" help:"A model's name, or the path of its file or folder."`
	JSON  bool   `name:"json" help:"Print one JSON object."`
}

// modelInfo is what model info prints.
type modelInfo struct {
	Name       string            `json:"name"`
	Path       string            `json:"path"`
	Format     string            `json:"format"`
	Bytes      int64             `json:"bytes"`
	Precision  string            `json:"precision"`
	Parameters int               `json:"parameters"`
	Sizes      sensevoice.Config `json:"sizes"`
	Pieces     int               `json:"pieces"`
	Tags       map[string]int    `json:"tags"`       // how many of each kind
	PlanBytes  map[string]int64  `json:"plan_bytes"` // working memory for one segment of 3, 10 and 30 s
}

// Run opens the model as recognition would, so that whatever is wrong with it is said.
func (c *modelInfoCommand) Run(p *program) error {
	model, err := p.openModel(c.Model)
	if err != nil {
		return err
	}
	defer model.Close()
	kernels, err := kernel.Select("")
	if err != nil {
		return err
	}
	engine, err := cpu.New(kernels, 0)
	if err != nil {
		return err
	}
	defer engine.Close()
	network, err := sensevoice.New(model.Weights, engine)
	if err != nil {
		return err
	}
	info, err := describe(model, network)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(p.out).Encode(info)
	}
	return info.print(p)
}

func describe(m *modelstore.Model, n *sensevoice.Network) (*modelInfo, error) {
	info := &modelInfo{
		Name: m.Name, Path: m.Weights.Path, Format: m.Weights.Format.String(), Bytes: m.Weights.Size(), Precision: m.Precision(),
		Parameters: n.Config.Parameters(), Sizes: n.Config, Pieces: m.Vocabulary.Len(), Tags: map[string]int{},
		PlanBytes: map[string]int64{},
	}
	for id := range m.Vocabulary.Len() {
		if kind, ok := tagKinds[m.Vocabulary.Kind(int32(id))]; ok {
			info.Tags[kind]++
		}
	}
	for _, seconds := range []int{3, 10, 30} {
		plan, err := n.Plan([]int{seconds * 1000 / 60})
		if err != nil {
			return nil, err
		}
		info.PlanBytes[fmt.Sprintf("%ds", seconds)] = plan.Arena + plan.Host
	}
	return info, nil
}

var tagKinds = map[token.Kind]string{
	token.KindLanguage: "language", token.KindEmotion: "emotion", token.KindEvent: "event", token.KindTextNorm: "text norm",
}

func (i *modelInfo) print(p *program) error {
	s := i.Sizes
	languages := make([]string, 0, len(s.Queries.Language))
	for l := range s.Queries.Language {
		languages = append(languages, l)
	}
	slices.Sort(languages)
	_, err := fmt.Fprintf(p.out, `%s
  file           %s (%s, %.1f MB)
  parameters     %.2f M, %s
  layers         %d + %d, width %d, %d heads, feed-forward %d, memory of %d rows
  vocabulary     %d pieces; tags: %d language, %d emotion, %d event
  languages      %s
  memory         %.1f MB to decode 3 s, %.1f MB 10 s, %.1f MB 30 s, beside the weights
`, i.Name, i.Path, i.Format, float64(i.Bytes)/1e6, float64(i.Parameters)/1e6, i.Precision,
		s.Blocks, s.TPBlocks, s.Width, s.Heads, s.FeedForward, s.Kernel, i.Pieces, i.Tags["language"], i.Tags["emotion"], i.Tags["event"],
		strings.Join(languages, " "),
		float64(i.PlanBytes["3s"])/1e6, float64(i.PlanBytes["10s"])/1e6, float64(i.PlanBytes["30s"])/1e6)
	return err
}
