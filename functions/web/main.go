// Command web is the cloud function with several routes behind one HTTP server, for HTTP functions
// and containers. CLOUDPAY_ROUTES names the routes that it serves.
package main

import (
	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
)

func main() { hosting.Start(app.Web) }
