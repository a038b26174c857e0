// Command hello is the floor of the startup benchmarks: the smallest function that Tencent's own library makes, as its
// documentation shows it. Nothing that answers the Go1 platform's calls through that library starts faster. It listens on
// all interfaces, which the library decides.
package main

import (
	"context"

	"github.com/tencentyun/scf-go-lib/cloudfunction"
)

// event is as much of a call's data as a greeting needs.
type event struct {
	OutTradeNo string `json:"out_trade_no"`
}

func hello(_ context.Context, e event) (string, error) { return "hello " + e.OutTradeNo, nil }

func main() { cloudfunction.Start(hello) }
