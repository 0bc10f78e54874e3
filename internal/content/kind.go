package content

// theCart stands for the events of a cart, whose properties are those of the cart.
const theCart = "the cart"
