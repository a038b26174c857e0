// Command closeorder is the cloud function that closes a WeChat Pay order and
// says, in CloudPay's words, what became of it.
package main

import (
	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
)

func main() { hosting.Start(app.CloseOrder) }
