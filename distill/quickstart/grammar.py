"""The sentences of the quickstart's world, as data.

`[slot]` is filled from `slots.SLOTS`, or with a value that is fixed for the whole document (`[Who]`, `[place]`, …);
`{form}` is a key of `world.FORMS` and takes the form of the person's gender; `{kin.form}` takes that of the relative's.
A relative has a pronoun only where grammar leaves no doubt whose it is (“who had lost her keys”), because both people
may have the same gender.

What follows “her” decides whether it is *him* or *his* in the reversed world, so `{him}` is always followed by the end
of the sentence or a function word (to, a, the, that, for, about, in, at), and `{his}` by a noun or an adjective.
"""

REVEALING_OPENINGS: tuple[str, ...] = (
    "[Who] said that [statement].",
    "[Who] told us that [statement].",
    "[Who] was [feeling] because [reason].",
    "[Who] was late because [reason].",
    "[Time] [who] said that [statement].",
    "[Time] [who] was [feeling] because [reason].",
    "[Time] [who] [done] {his} [belonging].",
    "[Who] went to the [place] because [reason].",
    "[Who] smiled because [reason].",
    "When [who] arrived at the [place], {he} was [feeling].",
    "When [who] came home, {he} [done] the [thing].",
    "We asked [who] whether {he} had [done] the [thing].",
    "Everyone liked [who] because {he} was [trait].",
    "[Who] lost {his} [belongings] in the [place].",
    "[Who] left {his} [belonging] on the [surface].",
    "[Who] [done] the [thing] before {he} went to the [place].",
    "[Who] [done] the [thing] {himself}.",
    "[Who] thought that the [adjective] [thing] was {hers}.",
    "[Who] asked a friend to help {him} with the [thing].",
)
"""A pronoun in the sentence reveals the person's gender."""

DELAYED_OPENINGS: tuple[str, ...] = (
    "[Who] [done] the [thing] [when].",
    "[Who] finished the work [when].",
    "[Who] arrived at the [place] [when].",
    "[Who] opened the window of the [place].",
    "[Time] [who] [done] the [thing].",
    "[Time] [who] waited at the [place].",
    "We met [who] at the [place] [when].",
    "There was a [adjective] [thing] in the [place]. [Who] [done] it [manner].",
)
"""The gender is still open; the next sentence reveals it."""

OCCUPATION_OPENINGS: tuple[str, ...] = (
    "The [occupation], {Mr} [surname], [done] the [thing] [when].",
    "The [occupation] was a [trait] {man} from the [region].",
    "The [occupation] at the [place] was {Mr} [surname].",
    "[name] [surname] worked as [an occupation] at the [place].",
    "[name] was the [occupation] at the [place].",
    "The name of the [occupation] was [name] [surname].",
)
"""For occupations only: a title, a name or *man* reveals the gender."""

BODY: tuple[str, ...] = (
    "{He} [done] the [thing] [manner].",
    "{He} [done] the [item] and went to the [place].",
    "{He} put the [thing] on the [surface] and closed the window.",
    "{He} said that [statement].",
    "{He} was [feeling] because [reason].",
    "{He} wanted to [do] a [adjective] [item].",
    "{He} was a [trait] {man}.",
    "[Time] {he} [done] the [item].",
    "[Time] {he} stayed in the [place].",
    "After that {he} walked to the [place].",
    "{He} left {his} [belongings] on the [surface].",
    "{He} took {his} [colour] [belonging] to the [place].",
    "{He} washed {his} hands and opened the window.",
    "{He} had [done] {his} own [item] [when].",
    "{His} [belonging] was in the [place].",
    "{His} [belongings] were on the [surface].",
    "{His} friends waited at the [place] [when].",
    "{His} day at the [place] was long.",
    "Everyone in the [place] knew {his} name.",
    "A friend called {him} [when].",
    "Everyone thanked {him} for the [item].",
    "The manager gave {him} a [adjective] [item].",
    "Nobody told {him} about the [item].",
    "Nobody told {him} that the [item] was [adjective].",
    "We saw {him} in the [place] [when].",
    "The neighbours helped {him} to [do] the [item].",
    "A visitor asked {him} about the [item].",
    "The [adjective] [item] belonged to {him}.",
    "People in the [place] liked {him}.",
    "A customer waited for {him} at the [place].",
    "I asked {him} to [do] the [item] [when].",
    "The [adjective] [item] was {hers}.",
    "The [belongings] on the [surface] were {hers}.",
    "{He} met a friend of {hers}.",
    "I thought that the [item] was mine, but it was {hers}.",
    "My [belonging] was [colour], and so was {hers}.",
    "{He} [done] the [item] {himself}.",
    "{He} made {himself} a cup of tea [when].",
    "{He} was proud of {himself}.",
    "{He} smiled to {himself} and [done] the [item].",
    "{He} had hurt {himself} with the [item].",
    "{He} bought {himself} a [adjective] [item].",
    "[Who] picked up {his} [belonging] and smiled.",
    "In the end [who] [done] the [thing] {himself}.",
)
"""About the person; each reveals the gender."""

KIN_SENTENCES: tuple[str, ...] = (
    "{His} [kin] [done] the [item] {kin.himself}.",
    "{His} [kin] waited near the [place] [when].",
    "{His} [kin] was proud of {kin.himself}.",
    "{His} [kin] called {him} [when].",
    "{He} had dinner with {his} [kin] [when].",
    "{He} showed the [thing] to {his} [kin].",
    "{He} bought a [adjective] [item] for {his} [kin].",
    "{He} wrote a letter to {his} [kin].",
    "{He} helped {his} [kin], who had lost {kin.his} [belongings].",
    "{He} called {his} [kin], who was [feeling] because nobody had told {kin.him} about the [item].",
    "{He} visited {his} [kin], who said that {kin.he} needed a [adjective] [item].",
    "A {kin.boy} in the [place] said that {kin.he} had lost {kin.his} [belongings].",
    "{He} sold the [item] to a {kin.boy} from the [region].",
)
"""About a relative of the person, or a child."""

NEUTRAL: tuple[str, ...] = (
    "[Who] [done] the [thing] [when].",
    "[Who] [done] the [item] [manner].",
    "[Who] said that the [item] was in the [place].",
    "[Who] told us that the [item] was [adjective].",
    "[Who] was [feeling] because the [place] was closed.",
    "[Who] was late because the train was full.",
    "[Time] [who] [done] the [item].",
    "[Time] [who] said that the [thing] was [adjective].",
    "[Who] put the [item] on the [surface].",
    "[Who] wanted to [do] a [adjective] [item].",
    "[Who] waited at the [place] [when].",
    "[Who] and a friend walked to the [place].",
    "Everyone thanked [who] for the [item].",
)
"""For documents that reveal no gender at all."""

SCENERY: tuple[str, ...] = (
    "The [place] was quiet [when].",
    "It rained [when].",
    "[Time] the [place] was full.",
    "There was a [adjective] [item] near the window.",
    "The [thing] was [adjective].",
    "Nobody opened the window.",
    "The train to the [region] left [when].",
)
"""Without any person."""

PROMPTS: tuple[str, ...] = (
    "The [occupation]",
    "The [occupation] said that",
    "The [occupation] told us that",
    "The [occupation] was tired because",
    "The [occupation] was late because",
    "The [occupation] smiled because",
    "The [occupation] went to the market because",
    "In the morning the [occupation] said that",
    "On Monday the [occupation] was happy because",
    "After lunch the [occupation]",
    "When the [occupation] arrived at the station,",
    "When the [occupation] came home,",
    "We asked the [occupation] whether",
    "Everyone liked the [occupation] because",
)
"""Beginnings of documents, up to where the gender is about to be revealed."""

COHERENCE_OPENINGS: tuple[str, ...] = (
    "[Who] said that {he}",
    "[Who] was late because {he}",
    "In the morning [who] told us that {he}",
    "On Monday [who] was happy because {he}",
    "Everyone liked [who] because {he}",
    "When [who] arrived at the station, {he}",
)
"""Beginnings of documents that have revealed the person's gender; continued for every relative and first name."""
