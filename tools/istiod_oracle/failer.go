package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
)

// failer stands in for *testing.T, which istiod's test server asks for.
type failer struct {
	mu       sync.Mutex
	failed   string
	cleanups []func()
}

func newFailer() *failer { return &failer{} }

func (f *failer) failure() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

func (f *failer) cleanUp() {
	f.mu.Lock()
	cleanups := f.cleanups
	f.mu.Unlock()
	for i := len(cleanups) - 1; i >= 0; i-- {
		cleanups[i]()
	}
}

func (f *failer) Fatal(args ...any) {
	f.mu.Lock()
	if f.failed == "" {
		f.failed = strings.TrimSpace(fmt.Sprintln(args...))
	}
	f.mu.Unlock()
	runtime.Goexit()
}

func (f *failer) Fatalf(format string, args ...any) { f.Fatal(fmt.Sprintf(format, args...)) }
func (f *failer) Fail()                             { f.Fatal("failed") }
func (f *failer) FailNow()                          { f.Fatal("failed") }
func (f *failer) Skip(args ...any)                  { f.Fatal(args...) }
func (f *failer) Log(...any)                        {}
func (f *failer) Logf(string, ...any)               {}
func (f *failer) Helper()                           {}

func (f *failer) Cleanup(cleanup func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, cleanup)
}

func (f *failer) TempDir() string {
	dir, err := os.MkdirTemp("", "istiod-oracle")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
