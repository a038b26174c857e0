package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"cloudpay/internal/telemetry/telemetrytest"
)

// transcribed runs scripts and has all that they print searched for secrets. testscript hands its
// log over when a script ends, and keeps what a successful script printed only when it is verbose.
type transcribed struct {
	*testing.T

	transcript io.Writer
}

// Run runs a script with a transcript of its own.
func (s transcribed) Run(name string, script func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) {
		script(transcribed{T: t, transcript: telemetrytest.Output(t, telemetrytest.Terminal)})
	})
}

// Log takes what a script printed.
func (s transcribed) Log(args ...any) {
	s.Helper()
	for _, arg := range args {
		if text, is := arg.(string); is {
			_, _ = io.WriteString(s.transcript, text+"\n")
		}
	}
	s.T.Log(args...)
}

// Verbose says that everything is to be kept.
func (s transcribed) Verbose() bool {
	return testing.Verbose() || s.transcript != io.Discard
}

// inUse writes down the secrets that emulators have left in a script's folder.
func inUse(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if file == dir && errors.Is(err, fs.ErrNotExist) {
			return nil // no emulator was started
		}
		if err != nil || entry.Name() != "secrets.json" {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var k struct {
			V2Key        string `json:"v2_key"`
			V3Key        string `json:"v3_key"`
			ServiceToken string `json:"service_token"`
			HTTPToken    string `json:"http_token"`
			TimerToken   string `json:"timer_token"`
		}
		_ = json.Unmarshal(text, &k) // what a script wrote may be none, and has no key then
		telemetrytest.Secret(t, telemetrytest.V2Key, k.V2Key)
		telemetrytest.Secret(t, telemetrytest.V3Key, k.V3Key)
		for _, token := range []string{k.ServiceToken, k.HTTPToken, k.TimerToken} {
			telemetrytest.Secret(t, telemetrytest.Token, token)
		}
		if k.V2Key == "" {
			return nil
		}
		key, err := os.ReadFile(filepath.Join(filepath.Dir(file), "apiclient_key.pem"))
		if err == nil {
			telemetrytest.Secret(t, telemetrytest.PrivateKey, string(key))
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a script that is about a folder with something missing
		}
		return err
	})
	if err != nil {
		t.Errorf("looking for the emulators' secrets: %v", err)
	}
}
