//go:build linux

package main

import (
	"encoding/json"
	"strings"
	"sync"
	"syscall"
	"testing"

	"sensevoice/internal/api/apitest"
	"sensevoice/internal/worker"
)

// isolated starts a server whose batches are computed in another process, and waits until that is up.
func isolated(t *testing.T, args ...string) (s *served, url string) {
	t.Setenv(asProgram, "1")
	s = serve(t, append([]string{"--isolate", "--log-format", "json"}, args...)...)
	for up := false; !up || url == ""; { // in either order
		line, open := <-s.log
		if !open {
			t.Fatalf("the server has ended with %d", s.code)
		}
		if line["msg"] == "listening" {
			url, _ = line["address"].(string)
		}
		up = up || line["msg"] == "a worker is up"
	}
	return s, url
}

// state returns what the worker does.
func state(t *testing.T, url string) worker.Status {
	t.Helper()
	var report struct{ Workers []worker.Status }
	if err := json.Unmarshal([]byte(apitest.Do(t, "GET", url+"/api/v1/gpu", nil).Body), &report); err != nil || len(report.Workers) != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	return report.Workers[0]
}

// counts returns what the workers have done.
func counts(t *testing.T, url string) worker.Counts {
	t.Helper()
	var report struct{ Counts worker.Counts }
	if err := json.Unmarshal([]byte(apitest.Do(t, "GET", url+"/api/v1/gpu", nil).Body), &report); err != nil {
		t.Fatal(err)
	}
	return report.Counts
}

// TestKilledWorkers kills the process that computes, again and again while requests come and in the middle of batches: each is answered,
// with its own text, and the server is healthy throughout.
func TestKilledWorkers(t *testing.T) {
	s, url := isolated(t)
	want := map[string]string{"hello.wav": "hello good morning thanks", "zh.wav": "你好打开灯今天天气三五八", "en.wav": "open door play music one two three"}
	stop := make(chan struct{})
	var callers sync.WaitGroup
	answered := make(chan string, 1000)
	for name, text := range want {
		clip := apitest.Part{"files", name, apitest.Clip(t, name)}
		callers.Go(func() {
			for range 20 {
				apitest.Post(t, url+"/api/v1/asr", clip).Check(t, 200, text)
				answered <- name
			}
		})
	}
	var killer sync.WaitGroup
	killer.Go(func() {
		for kills := 0; kills < 4; {
			select {
			case <-stop:
				return
			case <-answered:
			}
			apitest.Do(t, "GET", url+"/health", nil).Check(t, 200, `"status":"healthy"`)
			if pid := state(t, url).PID; pid != 0 {
				if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
					kills++
				}
			}
		}
	})
	callers.Wait()
	close(stop)
	killer.Wait()
	if got := counts(t, url); got.Batches == 0 || got.Poisoned != 0 {
		t.Errorf("%+v", got)
	}
	if got := state(t, url); got.Failures == 0 || got.Last == "" {
		t.Errorf("%+v", got)
	}
	s.stop()
	s.await("drained", "")
	for range s.log {
	}
	if s.code != 0 {
		t.Errorf("exit code %d", s.code)
	}
}

// TestKilledMidBatch stops the worker before it is given a batch, so that it certainly dies within one.
func TestKilledMidBatch(t *testing.T) {
	s, url := isolated(t)
	pid := state(t, url).PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	reply := make(chan apitest.Reply, 1)
	go func() {
		reply <- apitest.Post(t, url+"/api/v1/asr", apitest.Part{"files", "a.wav", apitest.Clip(t, "hello.wav")})
	}()
	for state(t, url).State != worker.Busy { // asking takes its time
	}
	apitest.Do(t, "GET", url+"/health", nil).Check(t, 200, `"status":"healthy"`)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	answer := <-reply
	answer.Check(t, 200, "hello good morning thanks")
	if got := counts(t, url); got.Retried != 1 || got.Poisoned != 0 {
		t.Errorf("%+v", got)
	}
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	s.await("memory given back", "")
	apitest.Do(t, "POST", url+"/api/v1/gpu/free", strings.NewReader(`{"level":"all"}`)).Check(t, 200)
	apitest.Post(t, url+"/api/v1/asr", apitest.Part{"files", "a.wav", apitest.Clip(t, "hello.wav")}).Check(t, 200, "hello good morning thanks")
	last := state(t, url).PID
	s.stop()
	for range s.log {
	}
	if last != 0 && syscall.Kill(last, 0) == nil {
		t.Errorf("process %d has outlived the server", last)
	}
}
