package server

import (
	"net/http"
	"slices"
	"strings"

	"sensevoice/internal/api"
)

// methods are those that a path may be meant for, to tell a wrong method from a wrong path.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch}

// NewHandler serves routes: each in its protocol's shape, paths that do not exist too, with the headers that browsers heed. Origins
// are those whose pages may call.
func NewHandler(b *api.Backend, routes []api.Route, origins []string) http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.Handle(r.Pattern, b.Handler(r))
	}
	known := http.NewServeMux() // the same without the catch-all, to ask about other methods
	for _, r := range routes {
		known.Handle(r.Pattern, http.NotFoundHandler())
	}
	for prefix, shape := range map[string]api.Shape{"/": api.FastAPI, "/v1/": api.OpenAI} {
		if slices.ContainsFunc(routes, func(r api.Route) bool { return r.Pattern == "/" }) {
			break // any path is known
		}
		mux.Handle(prefix, b.Handler(api.Route{Pattern: "unknown", Shape: shape, Open: true, Handle: func(w http.ResponseWriter, r *http.Request) error {
			return unknown(w, r, known)
		}}))
	}
	return headers(cors(mux, origins))
}

// unknown answers for a path or method that is not there, as FastAPI words it.
func unknown(w http.ResponseWriter, r *http.Request, known *http.ServeMux) error {
	var allowed []string
	for _, m := range methods {
		other := &http.Request{Method: m, URL: r.URL, Host: r.Host}
		if _, pattern := known.Handler(other); pattern != "" {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		return &api.Error{Status: http.StatusMethodNotAllowed, Message: "Method Not Allowed"}
	}
	return &api.Error{Status: http.StatusNotFound, Message: "Not Found"}
}

// headers tells browsers to take nothing for what it is not.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// cors lets pages of some origins call, as the Fetch standard has it. Cookies are never used, so credentials are not allowed.
func cors(next http.Handler, origins []string) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		h := w.Header()
		h.Add("Vary", "Origin")
		if origin != "" && (slices.Contains(origins, origin) || slices.Contains(origins, "*")) {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", "X-Request-Id, X-Queue-Ms, X-Compute-Ms, X-Ignored-Fields, Retry-After")
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				h.Set("Access-Control-Allow-Methods", "GET, POST")
				h.Set("Access-Control-Allow-Headers", "Authorization, X-API-Key, Content-Type, X-Request-Id")
				h.Set("Access-Control-Max-Age", "600")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
