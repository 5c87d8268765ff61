package modelstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// stallTimeout is how long a server may send nothing.
const stallTimeout = 30 * time.Second

var errStalled = fmt.Errorf("nothing came for %v", stallTimeout)

// StatusError is an answer that is not the file.
type StatusError struct {
	URL  string
	Code int // of HTTP
}

func (e *StatusError) Error() string {
	hint := ""
	switch e.Code {
	case http.StatusNotFound, http.StatusGone:
		hint = ": no such file there; check the name, or try another hub (--from) or mirror (HF_ENDPOINT)"
	case http.StatusUnauthorized, http.StatusForbidden:
		hint = ": the server refuses; try another hub (--from) or mirror (HF_ENDPOINT)"
	case http.StatusProxyAuthRequired:
		hint = ": give the proxy's user and password in HTTPS_PROXY"
	case http.StatusTooManyRequests:
		hint = ": too many requests from here; wait, or try another hub (--from)"
	}
	return fmt.Sprintf("%s: the server answers %d %s%s", e.URL, e.Code, http.StatusText(e.Code), hint)
}

// temporaryError is one that may be gone after some waiting.
type temporaryError struct {
	err   error
	after time.Duration // that the server asks to wait
}

func (e *temporaryError) Error() string { return e.err.Error() }
func (e *temporaryError) Unwrap() error { return e.err }

// attempt asks once for the rest of the file and appends what comes.
func (d *download) attempt(ctx context.Context) error {
	if d.have > 0 && d.want.sha256 == "" && d.validator == "" {
		d.notify("%s: the server cannot tell versions of the file apart: starting over", d.want.name)
		if err := d.restart(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	defer watchdog.Stop()

	resp, err := d.ask(ctx)
	if err != nil {
		return d.networkError(ctx, err)
	}
	defer resp.Body.Close()
	if err := d.accept(resp); err != nil {
		return err
	}
	_, err = io.Copy(d, &watchedReader{resp.Body, watchdog, d.limit()})
	if disk, ok := errors.AsType[*diskError](err); ok {
		return fmt.Errorf("write %s: %w", d.path, disk.error)
	}
	switch {
	case d.size >= 0 && d.have > d.size:
		err := fmt.Errorf("%s: the server sends more than the %d bytes of the file", withoutUser(d.want.url), d.size)
		return errors.Join(err, d.restart())
	case err != nil:
		return d.networkError(ctx, err)
	case d.have == 0:
		return fmt.Errorf("%s: the file there is empty", withoutUser(d.want.url))
	case d.size >= 0 && d.have < d.size:
		return &temporaryError{err: fmt.Errorf("%s: the answer ended after %d of %d bytes", withoutUser(d.want.url), d.have, d.size)}
	}
	return nil
}

// limit is the most bytes to read: one more than there can be, to notice a server that sends too many.
func (d *download) limit() int64 {
	if d.size >= 0 {
		return d.size - d.have + 1
	}
	return maxFileSize - d.have
}

// watchedReader reads at most left bytes; the watchdog runs only while it waits for the server.
type watchedReader struct {
	body     io.Reader
	watchdog *time.Timer
	left     int64
}

func (r *watchedReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	r.watchdog.Reset(stallTimeout)
	n, err := r.body.Read(p[:min(int64(len(p)), r.left)])
	r.watchdog.Stop()
	r.left -= int64(n)
	return n, err
}

// ask sends the request and follows redirects, noting what Hugging Face says about the file on the way.
func (d *download) ask(ctx context.Context) (*http.Response, error) {
	d.linked = linkedFile{size: -1}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.want.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", d.agent)
	req.Header.Set("Accept-Encoding", "identity") // ranges and sizes are of the file itself
	if d.have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.have))
		// With a checksum known beforehand any server's bytes will do, and servers behind one name often
		// disagree about ETags.
		if d.want.sha256 == "" {
			req.Header.Set("If-Range", d.validator)
		}
	}
	client := *d.client
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		d.linked.note(next.Response.Header)
		return checkRedirect(next, via)
	}
	resp, err := client.Do(req)
	if err == nil {
		d.linked.note(resp.Header)
	}
	return resp, err
}

// linkedFile is what Hugging Face says about a file in large-file storage, beside the redirect to it.
// Other servers' ETags may look like checksums without being any.
type linkedFile struct {
	sha256 string // "" if not said
	size   int64  // -1 if not said
}

func (l *linkedFile) note(header http.Header) {
	if tag := strings.Trim(header.Get("X-Linked-Etag"), `"`); isSHA256(tag) {
		l.sha256 = tag
	}
	if size, err := strconv.ParseInt(header.Get("X-Linked-Size"), 10, 64); err == nil && size > 0 && size <= maxFileSize {
		l.size = size
	}
}

// redirectError is a redirect that is not followed, now or later.
type redirectError struct{ reason string }

func (e *redirectError) Error() string { return e.reason }

// checkRedirect follows redirects within reason, and never from https to something weaker.
func checkRedirect(next *http.Request, via []*http.Request) error {
	const most = 10
	last := via[len(via)-1].URL
	switch {
	case len(via) >= most:
		return &redirectError{fmt.Sprintf("more than %d redirects", most)}
	case next.URL.Scheme != "https" && next.URL.Scheme != "http":
		return &redirectError{fmt.Sprintf("a redirect to %q: only http and https are followed", clip(next.URL.Scheme))}
	case last.Scheme == "https" && next.URL.Scheme != "https":
		return &redirectError{fmt.Sprintf("a redirect from https to unprotected %s", next.URL.Redacted())}
	}
	return nil
}

// networkError tells failures that may pass from those that will not.
func (d *download) networkError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // has the URL with what was signed into it
	}
	err = fmt.Errorf("%s: %w", withoutUser(d.want.url), err)
	_, isRedirect := errors.AsType[*redirectError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isRedirect, isCertificate:
		return err
	case isDNS && dns.IsNotFound:
		return fmt.Errorf("%w; is this machine online? Behind a proxy, set HTTPS_PROXY; for a mirror, HF_ENDPOINT or --from", err)
	}
	return &temporaryError{err: err}
}

// backOff returns how long to wait after so many failures in a row: twice as long each time, within
// bounds, and by chance up to half less, so that many clients do not come back at once.
func backOff(failures int) time.Duration {
	const first, longest = 500 * time.Millisecond, 30 * time.Second
	wait := min(first<<min(failures-1, 10), longest)
	return wait - rand.N(wait/2)
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// client returns what to make requests with, and what to call when that is done.
func (s *Store) client() (client *http.Client, closeIdle func()) {
	if s.transport != nil {
		return &http.Client{Transport: s.transport}, func() {}
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableCompression: true,
		TLSHandshakeTimeout: 15 * time.Second, MaxResponseHeaderBytes: 1 << 18,
		DialContext: (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
	}
	return &http.Client{Transport: transport}, transport.CloseIdleConnections
}

// withoutUser removes user and password from a URL, for messages and manifests.
func withoutUser(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	u.User = nil
	return u.String()
}
