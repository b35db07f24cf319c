package example_test

import (
	"fmt"

	"github.com/blotterdb/blotter/internal/example"
)

func ExampleLoad() {
	examples, err := example.Load("../../barfile/testdata/examples")
	if err != nil {
		fmt.Println(err)
		return
	}
	first := examples[0]
	fmt.Println(first.Name, "is recognized as", first.Setting("recognized"))
	// Output: Alpaca, many symbols is recognized as Alpaca JSON
}
