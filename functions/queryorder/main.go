// Command queryorder is the cloud function that says, in CloudPay's words, what
// state a WeChat Pay order is in.
package main

import (
	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
)

func main() { hosting.Start(app.QueryOrder) }
