package modelstore

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// accept decides what an answer is: the whole file, the rest of it, or an error. A server that lies
// about ranges, or has another version by now, is asked again for the whole file.
func (d *download) accept(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		if err := d.acceptWhole(resp); err != nil {
			return err
		}
	case http.StatusPartialContent:
		if err := d.acceptRest(resp); err != nil {
			return err
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if d.have == 0 {
			return &StatusError{withoutUser(d.want.url), resp.StatusCode}
		}
		return d.startOver("the file there is shorter than what is here")
	default:
		return d.refused(resp)
	}
	if err := d.acceptContent(resp); err != nil {
		return err
	}
	if d.size < 0 {
		return nil
	}
	return d.store.checkSpace(d.size - d.have)
}

// acceptWhole takes an answer for the whole file, and learns its size.
func (d *download) acceptWhole(resp *http.Response) error {
	if d.have > 0 {
		d.notify("%s: the server sends the whole file again", d.want.name)
	}
	if err := d.restart(); err != nil {
		return err
	}
	d.validator = validatorOf(resp)
	if d.size < 0 {
		d.size = d.linked.size
	}
	length := resp.ContentLength
	switch {
	case length > maxFileSize:
		return fmt.Errorf("%s: a file of %d bytes is too large for a model", withoutUser(d.want.url), length)
	case length >= 0 && d.size >= 0 && length != d.size:
		return fmt.Errorf("%s: the server has %d bytes, not the %d of the file: not the right file, or a bad mirror", withoutUser(d.want.url), length, d.size)
	case length >= 0:
		d.size = length
	case d.size < 0 && !endsMarked(resp):
		return fmt.Errorf("%s: the server does not say how long the file is, so that a cut could not be noticed", withoutUser(d.want.url))
	}
	return nil
}

// endsMarked reports whether the end of an answer of unknown length can be told from a cut connection.
func endsMarked(resp *http.Response) bool {
	return resp.ProtoMajor >= 2 || len(resp.TransferEncoding) > 0 && resp.TransferEncoding[0] == "chunked"
}

// acceptRest takes an answer that must be exactly the bytes asked for.
func (d *download) acceptRest(resp *http.Response) error {
	if d.have == 0 {
		return fmt.Errorf("%s: the server sends a part of the file when asked for the whole", withoutUser(d.want.url))
	}
	r, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err != nil {
		return d.startOver(err.Error())
	}
	switch {
	case r.first != d.have || r.last != r.size-1:
		return d.startOver(fmt.Sprintf("asked from byte %d, the server sends %d to %d of %d", d.have, r.first, r.last, r.size))
	case d.size >= 0 && r.size != d.size:
		return d.startOver(fmt.Sprintf("the file had %d bytes, and now has %d", d.size, r.size))
	case resp.ContentLength >= 0 && resp.ContentLength != r.last-r.first+1:
		return d.startOver(fmt.Sprintf("the server sends %d bytes and calls them %d to %d", resp.ContentLength, r.first, r.last))
	case d.want.sha256 == "" && validatorOf(resp) != "" && validatorOf(resp) != d.validator:
		return d.startOver("the file has changed")
	}
	d.size, d.stitched = r.size, true
	return nil
}

// startOver forgets what is here and has the next attempt ask for the whole.
func (d *download) startOver(reason string) error {
	if err := d.restart(); err != nil {
		return err
	}
	return &temporaryError{err: fmt.Errorf("%s: cannot resume: %s", withoutUser(d.want.url), reason)}
}

// acceptContent refuses what cannot be a model's file.
func (d *download) acceptContent(resp *http.Response) error {
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return fmt.Errorf("%s: the server compresses the file (%s) though asked not to", withoutUser(d.want.url), clip(coding))
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/html" {
		return fmt.Errorf("%s: a web page came instead of the file: is there a page to log in to on the way, or is the address that of a page?", withoutUser(d.want.url))
	}
	return nil
}

// refused makes the error of an answer without the file.
func (d *download) refused(resp *http.Response) error {
	err := &StatusError{withoutUser(d.want.url), resp.StatusCode}
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500 && code != http.StatusNotImplemented:
		return &temporaryError{err, parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())}
	}
	return err
}

// validatorOf returns what names the version of a file in If-Range (RFC 9110, section 13.1.5): a strong
// ETag, else a Last-Modified that is old enough to be strong (8.8.2.2).
func validatorOf(resp *http.Response) string {
	if tag := resp.Header.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	} else if tag != "" {
		return ""
	}
	text := resp.Header.Get("Last-Modified")
	modified, err := http.ParseTime(text)
	date, dateErr := http.ParseTime(resp.Header.Get("Date"))
	if err != nil || dateErr != nil || date.Sub(modified) < time.Second {
		return ""
	}
	return text
}

// contentRange is a Content-Range: bytes first to last, inclusive, of size.
type contentRange struct{ first, last, size int64 }

var errContentRange = errors.New(`want "bytes FIRST-LAST/SIZE"`)

// parseContentRange reads "bytes 5-9/10". The size must be known.
func parseContentRange(text string) (contentRange, error) {
	var r contentRange
	unit, rest, _ := strings.Cut(text, " ")
	span, size, _ := strings.Cut(rest, "/")
	first, last, _ := strings.Cut(span, "-")
	fail := fmt.Errorf("Content-Range %q: %w", clip(text), errContentRange)
	if !strings.EqualFold(unit, "bytes") {
		return r, fail
	}
	for _, number := range []struct {
		text  string
		value *int64
	}{{first, &r.first}, {last, &r.last}, {size, &r.size}} {
		n, err := strconv.ParseUint(number.text, 10, 63)
		if err != nil || n > maxFileSize {
			return r, fail
		}
		*number.value = int64(n)
	}
	if r.first > r.last || r.last >= r.size {
		return r, fail
	}
	return r, nil
}

// parseRetryAfter reads a number of seconds or a date. What is neither asks for nothing.
func parseRetryAfter(text string, now time.Time) time.Duration {
	const longest = 365 * 24 * time.Hour
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, longest)
	}
	if date, err := http.ParseTime(text); err == nil {
		return min(max(date.Sub(now), 0), longest)
	}
	return 0
}
