"""The quiz of this notebook: what each choice is told. The questions stand in the notebook."""

from coursehelpers.checks.quiz import QUIZZES, Question

QUIZZES["transfer_learning"] = [
    Question(
        "b",
        {
            "a": "With 200 pictures? Edges and textures are in X-rays as well as in photos.",
            "b": "The earlier, the less a stage belongs to the classes of ImageNet; which is best, "
            "your validation data tell.",
            "c": "The top is nearest to the classes of ImageNet. How near are X-rays to these?",
        },
    ),
    Question(
        "c",
        {
            "a": "The attribute says so, the steps do not. When was the list of weights made?",
            "b": "No error comes, which is what makes it a trap. What did you see in 2.2?",
            "c": "The training step keeps its list of weights until the next compile.",
        },
    ),
    Question(
        "a",
        {
            "a": "With shifts each epoch has new pictures; without, the features stay the same.",
            "b": "What a frozen backbone gives for the same image, does it change from one epoch to "
            "the next?",
            "c": "A shifted photo is another input. How many different ones are there in 50 epochs?",
        },
    ),
    Question(
        "b",
        {
            "a": "More of the same widens the gap. What is computed otherwise in training than in "
            "validation?",
            "b": "Statistics of four photos are noise, and the moving ones may not have followed.",
            "c": "A head has few weights. What does a batch of four photos have to do with it?",
        },
    ),
    Question(
        "c",
        {
            "a": "Freezing does, a small learning rate does the opposite.",
            "b": "Freezing may, the other two do not look at it. What do all three hold on to?",
            "c": "They differ in which directions are held, and how firmly.",
        },
    ),
    Question(
        "a",
        {
            "a": "The other problem had no use for what yours needs: negative transfer.",
            "b": "A frozen backbone cannot learn what it has thrown away. Look at 2.1 again.",
            "c": "Look for one, but it may all be right: see what the unrelated base did in 2.1.",
        },
    ),
    Question(
        "b",
        {
            "a": "It matters less. What was measured in the grid depends on two other things.",
            "b": "And over how many seeds was that measured?",
            "c": "In the table of 3.4, which strategies have no star, in which of the four cells?",
        },
    ),
    Question(
        "c",
        {
            "a": "One of them was seen. Do you know how many more?",
            "b": "It is not worthless. In which direction may it be off?",
            "c": "Leakage reaches through weights, too.",
        },
    ),
]
