package server

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
)

// Certificate is one that can be read anew while the server runs.
type Certificate struct {
	cert, key string
	current   atomic.Pointer[tls.Certificate]
}

// OpenCertificate reads a certificate chain and its key from PEM files.
func OpenCertificate(cert, key string) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key}
	return c, c.Reload()
}

// Reload reads the files again. After an error the certificate stays as it was.
func (c *Certificate) Reload() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("TLS certificate %s: %w", c.cert, err)
	}
	c.current.Store(&pair)
	return nil
}

// Config returns settings that use the certificate as it is at the time.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}
