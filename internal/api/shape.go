package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Shape makes the body of the reply to a failed request, as the clients of a protocol expect it.
type Shape func(e *Error) any

// FastAPI is the shape of FastAPI: a list of faults for wrong fields, and a sentence for everything else.
func FastAPI(e *Error) any {
	type fault struct {
		Location []string `json:"loc"`
		Message  string   `json:"msg"`
		Type     string   `json:"type"`
	}
	if len(e.Fields) == 0 {
		return map[string]string{"detail": e.Message}
	}
	var faults []fault
	for _, f := range e.Fields {
		faults = append(faults, fault{[]string{"body", f.Field}, f.Message, f.Kind})
	}
	return map[string]any{"detail": faults}
}

// OpenAI is the shape of OpenAI: one error, with the name of the field if one is wrong.
func OpenAI(e *Error) any {
	type envelope struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	out := envelope{Message: e.Message, Type: "invalid_request_error"}
	switch {
	case len(e.Fields) > 0:
		out.Param, out.Message = &e.Fields[0].Field, e.Fields[0].Field+": "+e.Fields[0].Message
	case e.Status == http.StatusTooManyRequests:
		out.Type = "rate_limit_error"
	case e.Status >= 500:
		out.Type = "server_error"
	}
	if e.Code != "" {
		out.Code = &e.Code
	}
	return map[string]any{"error": out}
}

// WriteJSON answers with a value as JSON. Tags in texts stay legible: < and > are not escaped.
func WriteJSON(w http.ResponseWriter, status int, value any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	return Write(w, status, "application/json", bytes.TrimSuffix(body.Bytes(), []byte("\n")))
}

// Write answers with a body. That the client does not take it is not the handler's failure.
func Write(w http.ResponseWriter, status int, contentType string, body []byte) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	return nil
}

// writeError answers with an error in its shape.
func writeError(w http.ResponseWriter, shape Shape, e *Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	_ = WriteJSON(w, e.Status, shape(e)) // every shape can be encoded, as tests show
}
