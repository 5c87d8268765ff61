package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// poster asks by HTTP: POST /api/v1/asr, or /v1/audio/transcriptions.
type poster struct {
	scenario *Scenario
	client   *http.Client
}

func newPoster(r *run) exchange { return &poster{r.Scenario, r.poster.client} }

// open prepares the connections that all clients share.
func (p *poster) open(s *Scenario) {
	p.scenario = s
	p.client = &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: max(s.Clients, 100),
		IdleConnTimeout:     time.Minute,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: s.Insecure},
	}}
}

// close of the one that all share ends the connections; a client has nothing to close.
func (p *poster) close() {
	if p.client != nil {
		p.client.CloseIdleConnections()
	}
}

func (p *poster) one(ctx context.Context, c *Clip, scheduled time.Time) outcome {
	ctx, cancel := context.WithTimeout(ctx, p.scenario.Timeout)
	defer cancel()
	request, err := p.request(ctx, c)
	if err != nil {
		return outcome{err: err, kind: "request"}
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return outcome{err: err, kind: kindOf(err)}
	}
	defer answer.Body.Close()
	const maxAnswer = 64 << 20
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	took := time.Since(scheduled)
	if err != nil {
		return outcome{err: err, kind: kindOf(err)}
	}
	if answer.StatusCode != http.StatusOK {
		return outcome{err: fmt.Errorf("%s: %s", answer.Status, brief(body)), kind: strconv.Itoa(answer.StatusCode)}
	}
	text, err := p.read(body)
	if err != nil {
		return outcome{err: err, kind: "answer"}
	}
	return outcome{text: text, took: took}
}

func brief(body []byte) string {
	const most = 200
	if len(body) > most {
		body = body[:most]
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(body)), "")
}

// request makes a form with the recording in it.
func (p *poster) request(ctx context.Context, c *Clip) (*http.Request, error) {
	path, file, language := "/api/v1/asr", "files", "lang"
	if p.scenario.Protocol == "openai" {
		path, file, language = "/v1/audio/transcriptions", "file", "language"
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile(file, c.Name)
	if err == nil {
		_, err = part.Write(c.File)
	}
	if p.scenario.Protocol == "openai" {
		err = errors.Join(err, form.WriteField("model", "sensevoice"))
	}
	if p.scenario.Language != "" {
		err = errors.Join(err, form.WriteField(language, p.scenario.Language))
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(p.scenario.URL, "/")+path, &body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	if p.scenario.Key != "" {
		request.Header.Set("Authorization", "Bearer "+p.scenario.Key)
	}
	return request, nil
}

// read takes the text out of an answer.
func (p *poster) read(body []byte) (string, error) {
	if p.scenario.Protocol == "openai" {
		var answer struct{ Text *string }
		if err := json.Unmarshal(body, &answer); err != nil || answer.Text == nil {
			return "", fmt.Errorf("the answer has no text: %s", brief(body))
		}
		return *answer.Text, nil
	}
	var answer struct {
		Result []struct {
			Text string `json:"clean_text"`
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Result == nil {
		return "", fmt.Errorf("the answer has no result: %s", brief(body))
	}
	text := ""
	for _, r := range answer.Result {
		text += r.Text
	}
	return text, nil
}

// kindOf names what went wrong on the way.
func kindOf(err error) string {
	var timeout net.Error
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.As(err, &dns):
		return "unknown host"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection"
	}
	return "connection broken"
}
