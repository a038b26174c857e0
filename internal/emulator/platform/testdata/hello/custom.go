package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// startCustom asks SCF's custom runtime API for events, and handles them as the Go1 library does,
// less the recovering.
func startCustom() {
	base := "http://" + net.JoinHostPort(os.Getenv("SCF_RUNTIME_API"), os.Getenv("SCF_RUNTIME_API_PORT")) + "/runtime/"
	if os.Getenv("HELLO_START") != "never ready" {
		post(base+"init/ready", nil)
	}
	for {
		response, err := http.Get(base + "invocation/next")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		payload, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			os.Exit(1)
		}
		limit, err := time.ParseDuration(response.Header.Get("time_limit_in_ms") + "ms")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), headerKey{}, response.Header), limit)
		result, err := answer(ctx, payload)
		cancel()
		if err != nil {
			post(base+"invocation/error", []byte(err.Error()))
			continue
		}
		post(base+"invocation/response", result)
	}
}

// answer is handle, from bytes to bytes.
func answer(ctx context.Context, payload []byte) ([]byte, error) {
	if !json.Valid(payload) {
		return nil, fmt.Errorf("invalid character in %.20q", payload)
	}
	result, err := handle(ctx, payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

func post(address string, body []byte) {
	response, err := http.Post(address, "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = response.Body.Close()
}
