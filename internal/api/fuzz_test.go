package api_test

import (
	"bytes"
	"net/http/httptest"
	"testing"

	"sensevoice/internal/api"
	"sensevoice/internal/api/apitest"
)

// FuzzForm receives forms of any bytes: each is answered, with 2xx or 4xx, and leaves nothing behind.
func FuzzForm(f *testing.F) {
	b := apitest.New(f, apitest.Options{Limits: func(l *api.Limits) { l.MaxBody = 1 << 20 }})
	handler := b.Handler(formRoute(b.Backend))
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n123\r\n--b--"), "multipart/form-data; boundary=b")
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\xff\r\n--b--"), "multipart/form-data; boundary=\"b\"")
	f.Add([]byte("--b\nContent-Disposition: form-data; name*=utf-8''file; filename*0=a; filename*1=b\n\n--b\n--b--"), "multipart/form-data; boundary=b")
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		r := httptest.NewRequest("POST", "/form", bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code/100 != 2 && w.Code/100 != 4 {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		if b.Uploads.Used() != 0 || b.Spool.Room().Used() != 0 {
			t.Errorf("still taken: %d, %d bytes", b.Uploads.Used(), b.Spool.Room().Used())
		}
	})
}
